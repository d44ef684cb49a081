using System.Buffers.Binary;
using Overlay.Encap.Checksums;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Codec;

/// <summary>The ICMP errors a router owes the sender of a packet it cannot pass on (RFC 792, RFC 1191 section 4, RFC 1812 section 4.3).</summary>
public static class IcmpError
{
    /// <summary>Most bytes of an error packet: IP header, ICMP header, the offender's longest IP header and eight bytes more.</summary>
    public const int MaxSize = IPv4View.MinHeader + 8 + 60 + 8;

    /// <summary>Code of type 3: no route to that network.</summary>
    public const byte NetUnreachable = 0;

    /// <summary>Code of type 3: too long, and fragmentation is forbidden.</summary>
    public const byte FragmentationNeeded = 4;

    private const byte DestinationUnreachable = 3;
    private const ushort FragmentOffset = 0x1FFF;

    /// <summary>Writes "destination unreachable" for a packet.</summary>
    /// <param name="destination">At least <see cref="MaxSize"/> bytes.</param>
    /// <param name="offender">The packet's IP header, checked, and what follows.</param>
    /// <param name="source">Whom the error comes from, host order. A Linux host drops it if that is an address of its own.</param>
    /// <param name="code">One of the codes of type 3.</param>
    /// <param name="mtu">The next hop's MTU in bytes for <see cref="FragmentationNeeded"/>, else 0.</param>
    /// <returns>Bytes written, or 0 where no error may be sent: about ICMP errors, later fragments, and group or martian sources.</returns>
    public static int Write(Span<byte> destination, ReadOnlySpan<byte> offender, uint source, byte code, int mtu)
    {
        IPv4View ip = new(offender);
        if ((ip.Fragment & FragmentOffset) != 0 || InnerPacket.IsMartianSource(ip.Source) || IsIcmpError(offender)) return 0;

        int quoted = Math.Min(offender.Length, ip.HeaderLength + 8), total = IPv4View.MinHeader + 8 + quoted;
        Span<byte> packet = destination[..total];
        packet.Clear();
        packet[0] = 0x45;
        packet[1] = 0xC0;   // internetwork control, as RFC 1812 section 4.3.2.5 asks
        BinaryPrimitives.WriteUInt16BigEndian(packet[IPv4View.TotalLengthAt..], (ushort)total);
        packet[8] = 64;
        packet[9] = IPv4View.Icmp;
        BinaryPrimitives.WriteUInt32BigEndian(packet[IPv4View.AddressesAt..], source);
        BinaryPrimitives.WriteUInt32BigEndian(packet[(IPv4View.AddressesAt + 4)..], ip.Source);
        InternetChecksum.WriteFinished(packet[IPv4View.ChecksumAt..], InternetChecksum.Sum(packet[..IPv4View.MinHeader]));

        Span<byte> icmp = packet[IPv4View.MinHeader..];
        icmp[0] = DestinationUnreachable;
        icmp[1] = code;
        BinaryPrimitives.WriteUInt16BigEndian(icmp[6..], (ushort)mtu);
        offender[..quoted].CopyTo(icmp[8..]);
        InternetChecksum.WriteFinished(icmp[2..], InternetChecksum.Sum(icmp));
        return total;
    }

    // All ICMP but the queries: echo, timestamp, address mask and router messages and their replies.
    private static bool IsIcmpError(ReadOnlySpan<byte> packet)
    {
        IPv4View ip = new(packet);
        if (ip.Protocol != IPv4View.Icmp) return false;
        return packet.Length <= ip.HeaderLength || packet[ip.HeaderLength] is not (0 or 8 or 9 or 10 or 13 or 14 or 15 or 16 or 17 or 18);
    }
}
