using System.Net;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Filters;

/// <summary>One thing that can be wrong with a datagram.</summary>
/// <param name="Name">Row of FAULTS and what it is.</param>
/// <param name="Reason">The counter it goes to.</param>
/// <param name="Change">Makes it from the one with nothing wrong; null where a test does that itself.</param>
internal sealed record Wrong(string Name, string Reason, Func<FilterFixture, Forgery>? Change)
{
    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<Wrong> All =
    [
        new("A3 an outer source that is no VTEP", "UnknownVtep", f => f.Right with { OuterSource = f.Attacker.Address }),
        new("B1 no I flag", "BadFlags", f => f.Right with { Flags = 0 }),
        new("B1 one flag too many", "BadFlags", f => f.Right with { Flags = 0x88 }),
        new("B3 another VNI", "WrongVni", f => f.Right with { Vni = 2 }),
        new("B3 the VNI with swapped octets", "WrongVni", f => f.Right with { Vni = 0x010000 }),
        new("N1 a stranger's destination MAC", "DstMac", f => f.Right with { DestinationMac = FilterFixture.Mac("02:00:00:00:00:99") }),
        new("N1 the broadcast MAC", "DstMac", f => f.Right with { DestinationMac = FilterFixture.Mac("ff:ff:ff:ff:ff:ff") }),
        new("N2 a stranger's source MAC", "SrcMac", f => f.Right with { SourceMac = FilterFixture.Mac("02:00:00:00:00:99") }),
        new("N2 the node's own source MAC", "Loop", f => f.Right with { SourceMac = f.Right.DestinationMac }),
        new("N3 an EtherType that is not IP", "NotIp", f => f.Right with { EtherType = 0x0806 }),
        new("D4 a martian source", "Martian", f => f.Right with { Source = IPAddress.Loopback }),
        new("D6 a source that is the destination", "Martian", f => f.Right with { Source = f.Right.Destination }),
        new("E2 a source of another peer", "SpoofPeer", f => f.Right with { Source = IPAddress.Parse("10.1.77.2") }),
        new("E3 a source of the node itself", "SpoofSelf", f => f.Right with { Source = f.Topology.Left.File.AddressOf(9) }),
        new("E4 a source that nobody leased", "SpoofUnleased", f => f.Right with { Source = IPAddress.Parse("10.1.0.9") }),
        new("E5 a source outside of the overlay", "SpoofOutside", f => f.Right with { Source = IPAddress.Parse("203.0.113.9") }),
        new("E6 a destination that is not ours", "NotOurs", null),
    ];
}
