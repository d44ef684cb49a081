using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Codec;

/// <summary>Judges what arrives from a VTEP: datagram in, verdict out. Touches nothing, allocates nothing, never throws.</summary>
public static class Decapsulator
{
    /// <summary>Where the inner IP packet begins in every datagram that passes.</summary>
    public const int PacketAt = Overhead.Encapsulation;

    /// <summary>Whether a datagram from this outer source is looked at at all.</summary>
    /// <param name="source">Outer source address, host order.</param>
    /// <param name="table">The table in force.</param>
    public static DropReason JudgeSource(uint source, ForwardingTable table) =>
        table.IsVtep(source) ? DropReason.None
        : source == table.Local.Endpoint ? DropReason.Self
        : DropReason.UnknownVtep;

    /// <summary>Judges one datagram of a known VTEP.</summary>
    /// <param name="datagram">The UDP payload, from the VXLAN header on.</param>
    /// <param name="source">Outer source address, host order, that <see cref="JudgeSource"/> let pass.</param>
    /// <param name="table">The table in force.</param>
    /// <param name="length">Length of the inner packet at <see cref="PacketAt"/>, without padding; 0 where it is dropped.</param>
    /// <param name="foreignMac">True where the inner source MAC is not the sender's and the check is not strict: worth counting.</param>
    public static DropReason Judge(ReadOnlySpan<byte> datagram, uint source, ForwardingTable table, out int length, out bool foreignMac)
    {
        length = 0;
        foreignMac = false;
        LocalNode local = table.Local;

        if (datagram.Length < VxlanHeader.Size) return DropReason.ShortOuter;
        VxlanHeader vxlan = VxlanHeader.Read(datagram);
        if (vxlan != table.Header) return ReasonOf(vxlan);

        if (datagram.Length <= PacketAt) return DropReason.ShortInner;
        EthernetHeader frame = EthernetHeader.Read(datagram[VxlanHeader.Size..]);
        if (frame.Destination != local.Mac) return DropReason.DstMac;
        if (frame.Source == local.Mac) return DropReason.Loop;
        if (!frame.Source.IsUnicast) return DropReason.SrcMac;

        ReadOnlySpan<byte> packet = datagram[PacketAt..];
        if (frame.EtherType != EthernetHeader.IPv4) return ReasonOf(frame.EtherType, packet);
        DropReason reason = InnerPacket.CheckHeader(packet, out int total);
        if (reason == DropReason.Family) return DropReason.Version;   // an IPv6 packet that claims to be IPv4
        if (reason != DropReason.None) return reason;

        IPv4View ip = new(packet);
        if (ip.Ttl == 0) return DropReason.Ttl;
        if (ip.Source == ip.Destination) return DropReason.Martian;
        int sender = table.FindRemote(ip.Source);
        if (sender >= 0)
        {
            ref readonly Remote remote = ref table.Remotes[sender];
            if (remote.Endpoint != source && remote.PreviousEndpoint != source) return DropReason.SpoofPeer;
            foreignMac = remote.Mac != frame.Source;
        }
        else
        {
            reason = JudgeUnleased(ip.Source, local);
            if (reason != DropReason.None) return reason;
        }
        if (foreignMac && local.SourceCheck == SourceCheck.Strict) return DropReason.SrcMac;

        if (!local.Subnet.Contains(ip.Destination)) return InnerPacket.IsMartianDestination(ip.Destination) ? DropReason.MartianDst : DropReason.NotOurs;
        if (ip.Destination == local.Subnet.Last) return DropReason.MartianDst;
        length = total;
        return DropReason.None;
    }

    // A source in no peer's lease.
    private static DropReason JudgeUnleased(uint source, LocalNode local) =>
        local.Subnet.Contains(source) ? DropReason.SpoofSelf
        : InnerPacket.IsMartianSource(source) ? DropReason.Martian
        : local.SourceCheck == SourceCheck.Off ? DropReason.None
        : local.Network.Contains(source) ? DropReason.SpoofUnleased
        : local.SourceCheck == SourceCheck.Strict ? DropReason.SpoofOutside
        : DropReason.None;

    private static DropReason ReasonOf(VxlanHeader header) =>
        !header.HasPlainFlags ? DropReason.BadFlags : header.HasReservedBits ? DropReason.Reserved : DropReason.WrongVni;

    private static DropReason ReasonOf(ushort etherType, ReadOnlySpan<byte> packet) => etherType switch
    {
        EthernetHeader.IPv6 => packet.IsEmpty || packet[0] >> 4 == 6 ? DropReason.Family : DropReason.Version,
        EthernetHeader.Vlan or EthernetHeader.ServiceVlan => DropReason.Vlan,
        _ => DropReason.NotIp,
    };
}
