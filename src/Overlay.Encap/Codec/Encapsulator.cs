using System.Runtime.CompilerServices;
using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Codec;

/// <summary>Chooses the peer of an outbound packet and writes the headers in front of it. Touches nothing else, never throws.</summary>
public static class Encapsulator
{
    /// <summary>Judges one packet read from the TUN device.</summary>
    /// <param name="packet">From the version octet on.</param>
    /// <param name="table">The table in force.</param>
    /// <param name="remote">Index of the peer to send to.</param>
    /// <param name="length">Total length of the packet in bytes.</param>
    public static DropReason Route(ReadOnlySpan<byte> packet, ForwardingTable table, out int remote, out int length)
    {
        remote = PrefixMap.None;
        DropReason reason = InnerPacket.CheckHeader(packet, out length);
        if (reason != DropReason.None) return reason;

        IPv4View ip = new(packet);
        remote = table.FindRemote(ip.Destination);
        if (remote < 0) return InnerPacket.IsMartianDestination(ip.Destination) ? DropReason.MartianDst : DropReason.NoRoute;
        return table.Local.Subnet.Contains(ip.Source) ? DropReason.None : JudgeForeign(ip.Source, table);
    }

    /// <summary>Writes VXLAN and inner Ethernet header.</summary>
    /// <param name="destination">At least <see cref="Overhead.Encapsulation"/> bytes, those right before the packet.</param>
    /// <param name="table">The table in force.</param>
    /// <param name="remote">The peer to send to.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteHeaders(Span<byte> destination, ForwardingTable table, in Remote remote)
    {
        table.Header.Write(destination);
        new EthernetHeader(remote.Mac, table.Local.Mac, EthernetHeader.IPv4).Write(destination[VxlanHeader.Size..]);
    }

    // A source that is not in our lease: a host address, or traffic that this node forwards.
    private static DropReason JudgeForeign(uint source, ForwardingTable table) =>
        InnerPacket.IsMartianSource(source) ? DropReason.Martian
        : table.FindRemote(source) >= 0 ? DropReason.ForeignSource
        : table.Local.SourceCheck switch
        {
            SourceCheck.Strict => DropReason.ForeignSource,
            SourceCheck.AntiSpoof when table.Local.Network.Contains(source) => DropReason.ForeignSource,
            _ => DropReason.None,
        };
}
