using System.Buffers.Binary;

namespace Overlay.Testing.Packets;

/// <summary>
/// Builds packets byte by byte, with right checksums unless told otherwise. Knows nothing of the code under test: its
/// arithmetic is the plainest there is.
/// </summary>
public static class Packet
{
    public const byte Fin = 1, Syn = 2, Rst = 4, Psh = 8, Ack = 16, Urg = 32, Ece = 64, Cwr = 128;
    public const ushort DontFragment = 0x4000, MoreFragments = 0x2000;

    /// <summary>An address as a number in host order.</summary>
    public static uint Ip(string dotted) => dotted.Split('.').Aggregate(0u, (sum, octet) => sum << 8 | byte.Parse(octet, null));

    /// <summary>An IPv4 packet.</summary>
    public static byte[] IPv4(uint source, uint destination, byte protocol, ReadOnlySpan<byte> payload, IPv4Fields? fields = null)
    {
        IPv4Fields f = fields ?? new IPv4Fields();
        int headerLength = 20 + f.Options.Length;
        byte[] packet = new byte[headerLength + payload.Length];
        packet[0] = (byte)(0x40 | headerLength / 4);
        packet[1] = f.Tos;
        Put(packet, 2, packet.Length);
        Put(packet, 4, f.Id);
        Put(packet, 6, f.Fragment);
        packet[8] = f.Ttl;
        packet[9] = protocol;
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(12), source);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(16), destination);
        f.Options.CopyTo(packet, 20);
        payload.CopyTo(packet.AsSpan(headerLength));
        FixHeaderChecksum(packet);
        return packet;
    }

    /// <summary>A TCP segment in an IPv4 packet.</summary>
    public static byte[] Tcp(uint source, uint destination, ReadOnlySpan<byte> payload, TcpFields? tcp = null, IPv4Fields? ip = null)
    {
        TcpFields t = tcp ?? new TcpFields();
        int headerLength = 20 + t.Options.Length;
        byte[] segment = new byte[headerLength + payload.Length];
        Put(segment, 0, t.SourcePort);
        Put(segment, 2, t.DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), t.Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(8), t.Acknowledgement);
        segment[12] = (byte)(headerLength / 4 << 4);
        segment[13] = t.Flags;
        Put(segment, 14, t.Window);
        t.Options.CopyTo(segment, 20);
        payload.CopyTo(segment.AsSpan(headerLength));
        byte[] packet = IPv4(source, destination, 6, segment, ip);
        FixTransportChecksum(packet);
        return packet;
    }

    /// <summary>A UDP datagram in an IPv4 packet.</summary>
    public static byte[] Udp(uint source, uint destination, ReadOnlySpan<byte> payload, int sourcePort = 4000, int destinationPort = 5000, IPv4Fields? ip = null)
    {
        byte[] datagram = new byte[8 + payload.Length];
        Put(datagram, 0, sourcePort);
        Put(datagram, 2, destinationPort);
        Put(datagram, 4, datagram.Length);
        payload.CopyTo(datagram.AsSpan(8));
        byte[] packet = IPv4(source, destination, 17, datagram, ip);
        FixTransportChecksum(packet);
        return packet;
    }

    /// <summary>An ICMP echo request.</summary>
    public static byte[] Ping(uint source, uint destination, int bytes = 56, IPv4Fields? ip = null)
    {
        byte[] icmp = new byte[8 + bytes];
        icmp[0] = 8;
        Put(icmp, 4, 77);
        for (int i = 8; i < icmp.Length; i++) icmp[i] = (byte)i;
        Put(icmp, 2, Finish(icmp));
        return IPv4(source, destination, 1, icmp, ip);
    }

    /// <summary>VXLAN and Ethernet header in front of a payload. MACs are numbers of 48 bits.</summary>
    public static byte[] Vxlan(ulong destinationMac, ulong sourceMac, ReadOnlySpan<byte> payload, ulong header = 0x0800_0000_0000_0100, int etherType = 0x0800)
    {
        byte[] datagram = new byte[22 + payload.Length];
        BinaryPrimitives.WriteUInt64BigEndian(datagram, header);
        for (int i = 0; i < 6; i++)
        {
            datagram[8 + i] = (byte)(destinationMac >> (40 - 8 * i));
            datagram[14 + i] = (byte)(sourceMac >> (40 - 8 * i));
        }
        Put(datagram, 20, etherType);
        payload.CopyTo(datagram.AsSpan(22));
        return datagram;
    }

    /// <summary>Sets the IP header checksum right, after a test has changed the header.</summary>
    public static void FixHeaderChecksum(Span<byte> packet)
    {
        Put(packet, 10, 0);
        Put(packet, 10, Finish(packet[..((packet[0] & 15) * 4)]));
    }

    /// <summary>Sets the TCP or UDP checksum right.</summary>
    public static void FixTransportChecksum(Span<byte> packet)
    {
        int at = ChecksumAt(packet);
        Put(packet, at, 0);
        int sum = Finish(packet[((packet[0] & 15) * 4)..], PseudoSum(packet));
        Put(packet, at, sum == 0 && packet[9] == 17 ? 0xFFFF : sum);
    }

    /// <summary>Leaves the TCP or UDP checksum to a network card: the field holds the folded pseudo-header sum.</summary>
    public static void MakePartial(Span<byte> packet) => Put(packet, ChecksumAt(packet), PseudoSum(packet));

    /// <summary>True where the IP header checksum holds.</summary>
    public static bool HasValidHeader(ReadOnlySpan<byte> packet) => Finish(packet[..((packet[0] & 15) * 4)]) == 0;

    /// <summary>True where the TCP or UDP checksum holds.</summary>
    public static bool HasValidTransport(ReadOnlySpan<byte> packet) => Finish(packet[((packet[0] & 15) * 4)..], PseudoSum(packet)) == 0;

    /// <summary>The inverted one's complement sum, computed octet by octet.</summary>
    public static int Finish(ReadOnlySpan<byte> bytes, long sum = 0)
    {
        for (int i = 0; i < bytes.Length; i++) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
        while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
        return (int)(~sum & 0xFFFF);
    }

    /// <summary>Bytes that differ from offset to offset, the same for the same seed.</summary>
    public static byte[] Payload(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static int PseudoSum(ReadOnlySpan<byte> packet)
    {
        int length = packet.Length - (packet[0] & 15) * 4;
        return ~Finish(packet[12..20], packet[9] + length) & 0xFFFF;
    }

    private static int ChecksumAt(ReadOnlySpan<byte> packet) => (packet[0] & 15) * 4 + (packet[9] == 6 ? 16 : 6);

    private static void Put(Span<byte> bytes, int at, int value) => BinaryPrimitives.WriteUInt16BigEndian(bytes[at..], (ushort)value);
}
