using System.Runtime.CompilerServices;
using Overlay.Encap.Counters;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Codec;

/// <summary>What both directions ask of an inner packet before anything else.</summary>
public static class InnerPacket
{
    /// <summary>Checks version, header length and total length of an IPv4 header.</summary>
    /// <param name="packet">From the version octet on, with anything that follows the packet.</param>
    /// <param name="total">Total length of the packet in bytes, at most the span's; valid where nothing is wrong.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DropReason CheckHeader(ReadOnlySpan<byte> packet, out int total)
    {
        total = 0;
        if (packet.IsEmpty) return DropReason.IpLength;
        int version = packet[0] >> 4;
        if (version != 4) return version == 6 ? DropReason.Family : DropReason.Version;
        if (packet.Length < IPv4View.MinHeader) return DropReason.IpHeader;

        IPv4View ip = new(packet);
        if (ip.HeaderLength < IPv4View.MinHeader || ip.HeaderLength > packet.Length) return DropReason.IpHeader;
        total = ip.TotalLength;
        return total < ip.HeaderLength || total > packet.Length ? DropReason.IpLength : DropReason.None;
    }

    /// <summary>Whether an address (host order) can be no packet's source: 0/8, 127/8, 169.254/16, multicast, class E (RFC 6890).</summary>
    public static bool IsMartianSource(uint address) => IsMartianDestination(address) || address >> 16 == 0xA9FE;

    /// <summary>Whether an address (host order) can be no single host's: 0/8, 127/8, multicast, class E, broadcast (RFC 1812 section 5.3.7).</summary>
    public static bool IsMartianDestination(uint address) => address >> 24 is 0 or 127 or >= 224;
}
