namespace Overlay.Encap.Counters;

/// <summary>The counts of one direction at one moment.</summary>
/// <param name="Received">Packets taken from the device or socket.</param>
/// <param name="Delivered">Packets handed on.</param>
/// <param name="DeliveredBytes">Bytes handed on: inner packets inbound, UDP payload outbound.</param>
/// <param name="Drops">Packets lost, indexed by <see cref="DropReason"/>.</param>
/// <param name="EcnOdd">Packets with an ECN pair that no well-behaved tunnel produces.</param>
/// <param name="ForeignMac">Packets that passed under a MAC that is not their sender's.</param>
/// <param name="SegmentFallbacks">Trains that the kernel would not segment and that were sent again piece by piece.</param>
/// <param name="JoinFallbacks">Super-packets that the TUN device refused and that were written again packet by packet.</param>
/// <param name="IcmpSent">ICMP errors sent to local senders.</param>
public sealed record FlowSnapshot(
    long Received, long Delivered, long DeliveredBytes, IReadOnlyList<long> Drops,
    long EcnOdd, long ForeignMac, long SegmentFallbacks, long JoinFallbacks, long IcmpSent)
{
    /// <summary>Packets lost, whatever the reason.</summary>
    public long Dropped => Drops.Sum();

    /// <summary>The reasons for which packets were lost, with their number.</summary>
    public IEnumerable<(DropReason Reason, long Packets)> DropsByReason =>
        Drops.Select((packets, reason) => ((DropReason)reason, packets)).Where(drop => drop.packets > 0);

    /// <summary>The counts of several loops together.</summary>
    public static FlowSnapshot Sum(IEnumerable<FlowSnapshot> parts) => parts.Aggregate((a, b) => new FlowSnapshot(
        a.Received + b.Received, a.Delivered + b.Delivered, a.DeliveredBytes + b.DeliveredBytes, [.. a.Drops.Zip(b.Drops, (x, y) => x + y)],
        a.EcnOdd + b.EcnOdd, a.ForeignMac + b.ForeignMac, a.SegmentFallbacks + b.SegmentFallbacks, a.JoinFallbacks + b.JoinFallbacks,
        a.IcmpSent + b.IcmpSent));
}
