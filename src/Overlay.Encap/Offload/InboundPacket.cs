using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Overlay.Encap.Checksums;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Offload;

/// <summary>What coalescing has to know of one inbound packet: its flow, whether its checksum holds, whether it may be joined.</summary>
internal readonly record struct InboundPacket
{
    /// <summary>TCP's PSH flag.</summary>
    public const byte TcpPush = 0x08;

    private const int TcpAck = 0x10;
    private const int TcpChecksumAt = 16, UdpChecksumAt = 6;

    /// <summary>Source and destination address as they lie in the packet.</summary>
    public ulong Addresses { get; private init; }

    /// <summary>Source and destination port as they lie in the packet; 0 for what has none to see.</summary>
    public uint Ports { get; private init; }

    /// <summary>TCP, UDP, or 0 for everything that is passed on as it is.</summary>
    public byte Protocol { get; private init; }

    /// <summary>Bytes of IP header.</summary>
    public int IpLength { get; private init; }

    /// <summary>Bytes of IP and transport header.</summary>
    public int HeaderLength { get; private init; }

    /// <summary>Payload bytes.</summary>
    public int Payload { get; private init; }

    /// <summary>The checksum field holds only the pseudo-header's sum: the sender left the rest to a network card (FAULTS G11).</summary>
    public bool IsPartial { get; private init; }

    /// <summary>May be joined with its neighbours in the flow.</summary>
    public bool IsMergeable { get; private init; }

    /// <summary>TCP sequence number of the first payload byte.</summary>
    public uint Sequence { get; private init; }

    /// <summary>TCP's PSH: the sender's burst ends here.</summary>
    public bool IsPush { get; private init; }

    /// <summary>Where the checksum field stands in the transport header.</summary>
    public int ChecksumOffset => Protocol == IPv4View.Tcp ? TcpChecksumAt : UdpChecksumAt;

    /// <summary>Looks at one packet whose IP header has been checked. Reads the payload only where it may be joined or is suspected partial.</summary>
    public static InboundPacket Inspect(ReadOnlySpan<byte> packet)
    {
        IPv4View ip = new(packet);
        int ipLength = ip.HeaderLength;
        InboundPacket other = new() { Addresses = MemoryMarshal.Read<ulong>(packet[IPv4View.AddressesAt..]), IpLength = ipLength };
        if (ip.IsFragment) return other;
        ReadOnlySpan<byte> transport = packet[ipLength..];
        return ip.Protocol switch
        {
            IPv4View.Tcp => InspectTcp(packet, transport, other),
            IPv4View.Udp => InspectUdp(packet, transport, other),
            _ => other,
        };
    }

    private static InboundPacket InspectTcp(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> tcp, in InboundPacket other)
    {
        if (tcp.Length < 20) return other;
        int tcpLength = (tcp[12] >> 4) * 4, payload = tcp.Length - tcpLength;
        if (tcpLength < 20 || payload < 0) return other;

        bool joins = payload > 0 && (tcp[13] & ~TcpPush) == TcpAck && (tcp[12] & 0x0F) == 0 && HasJoinableHeader(packet, other.IpLength);
        (bool isValid, bool isPartial) = Verify(packet, tcp, IPv4View.Tcp, TcpChecksumAt, joins);
        return other with
        {
            Protocol = IPv4View.Tcp,
            Ports = MemoryMarshal.Read<uint>(tcp),
            HeaderLength = other.IpLength + tcpLength,
            Payload = payload,
            IsPartial = isPartial,
            IsMergeable = joins && (isValid || isPartial),
            Sequence = BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]),
            IsPush = (tcp[13] & TcpPush) != 0,
        };
    }

    private static InboundPacket InspectUdp(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> udp, in InboundPacket other)
    {
        if (udp.Length < 8 || BinaryPrimitives.ReadUInt16BigEndian(udp[4..]) != udp.Length) return other;
        bool hasChecksum = MemoryMarshal.Read<ushort>(udp[UdpChecksumAt..]) != 0;
        bool joins = udp.Length > 8 && hasChecksum && HasJoinableHeader(packet, other.IpLength);
        (bool isValid, bool isPartial) = hasChecksum ? Verify(packet, udp, IPv4View.Udp, UdpChecksumAt, joins) : default;
        return other with
        {
            Protocol = IPv4View.Udp,
            Ports = MemoryMarshal.Read<uint>(udp),
            HeaderLength = other.IpLength + 8,
            Payload = udp.Length - 8,
            IsPartial = isPartial,
            IsMergeable = joins && (isValid || isPartial),
        };
    }

    // A super-packet gets a new IP checksum, which must not make a damaged header whole (FAULTS D3).
    private static bool HasJoinableHeader(ReadOnlySpan<byte> packet, int ipLength) =>
        ipLength == IPv4View.MinHeader && InternetChecksum.Fold(InternetChecksum.Sum(packet[..IPv4View.MinHeader])) == 0xFFFF;

    // The sum over the whole packet is only worth its price where the answer matters. It does not where the field holds the sum of the
    // pseudo-header: should that be by chance, and finished, then to finish it again gives the same.
    private static (bool IsValid, bool IsPartial) Verify(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> transport, byte protocol, int fieldAt, bool joins)
    {
        ulong pseudo = InternetChecksum.PseudoHeader(packet[IPv4View.AddressesAt..], protocol) + InternetChecksum.Word(transport.Length);
        if (MemoryMarshal.Read<ushort>(transport[fieldAt..]) == InternetChecksum.Fold(pseudo)) return (false, true);
        return (joins && InternetChecksum.Fold(pseudo + InternetChecksum.Sum(transport)) == 0xFFFF, false);
    }
}
