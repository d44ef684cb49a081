using System.Net;
using CsCheck;
using Overlay.Subnet.Model;
using Overlay.Subnet.Tests.Support;
using Overlay.Subnet.Watching;

namespace Overlay.Subnet.Tests.Watching;

public sealed class LeaseTableTests
{
    private static readonly IPAddress Ours = Some.Node(0).PublicIP;

    private static Lease Lease(string name, int node, long created, string? mac = null, string? nodeId = null)
    {
        Assert.True(SubnetKey.TryParse(name, out SubnetKey key, out _));
        LeaseAttributes attributes = Some.Node(node, nodeId);
        return new Lease(key, mac is null ? attributes : attributes with { VtepMac = mac }, 7, created, created);
    }

    private static string[] Granted(LeaseTable table) => [.. table.Leases.Values.Select(lease => lease.Key.Name).Order(StringComparer.Ordinal)];

    [Fact]
    public void C27_of_overlapping_peers_the_first_by_create_revision_wins()
    {
        LeaseTable table = LeaseTable.Build(
            9, [Lease("10.1.2.0-24", 2, 5), Lease("10.1.2.0-23", 3, 4), Lease("10.1.3.0-24", 4, 6), Lease("10.1.4.0-24", 5, 3), Lease("10.1.4.0-23", 6, 8)], Ours);
        Assert.Equal(["10.1.2.0-23", "10.1.4.0-24"], Granted(table));
        Assert.Equal(["10.1.2.0-24", "10.1.3.0-24", "10.1.4.0-23"], table.Conflicts.Select(conflict => conflict.Lease.Key.Name));
        Assert.Contains("10.1.2.0-23 of 192.168.0.4", table.Conflicts[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void C27_ours_is_never_displaced()
    {
        LeaseTable table = LeaseTable.Build(9, [Lease("10.1.0.0-16", 2, 1), Lease("10.1.2.0-24", 0, 5)], Ours);
        Assert.Equal(["10.1.2.0-24"], Granted(table));
    }

    [Fact]
    public void C25_one_subnet_under_two_names_counts_once()
    {
        LeaseTable table = LeaseTable.Build(9, [Lease("10.1.2.0-24&fd00::-64", 2, 5), Lease("10.1.2.0-24", 3, 6)], Ours);
        Assert.Equal(["10.1.2.0-24&fd00::-64"], Granted(table));
    }

    [Fact]
    public void C26_of_two_nodes_with_one_mac_the_first_wins_but_a_node_that_moved_keeps_both()
    {
        const string Mac = "02:aa:00:00:00:01";
        Assert.Equal(["10.1.2.0-24"], Granted(LeaseTable.Build(9, [Lease("10.1.2.0-24", 2, 5, Mac), Lease("10.1.3.0-24", 3, 6, Mac)], Ours)));
        Assert.Equal(
            ["10.1.2.0-24", "10.1.3.0-24"],
            Granted(LeaseTable.Build(9, [Lease("10.1.2.0-24", 2, 5, Mac, "n"), Lease("10.1.3.0-24", 3, 6, Mac, "n")], Ours)));
    }

    [Fact]
    public void C26_a_loopback_peer_is_refused_unless_we_live_on_loopback_too()
    {
        Lease local = Lease("10.1.2.0-24", 2, 5) with { Attributes = Some.Node(2) with { PublicIP = IPAddress.Parse("127.0.0.2") } };
        Assert.Empty(LeaseTable.Build(9, [local], Ours).Leases);
        Assert.Single(LeaseTable.Build(9, [local], IPAddress.Loopback).Leases);
    }

    [Fact]
    public void C27_no_two_granted_leases_overlap_and_every_refused_one_overlaps_an_earlier_one()
    {
        Gen.Select(Gen.UInt[0x0A010000, 0x0A0103FF], Gen.Int[20, 30]).Select(IPv4.Network).Array[0, 40].Sample(subnets =>
        {
            Lease[] leases = [.. subnets.Distinct().Select((subnet, i) => Lease(SubnetKey.For(subnet).Name, i + 1, i + 1))];
            LeaseTable table = LeaseTable.Build(99, leases, Ours);
            var model = new List<Lease>();
            foreach (Lease lease in leases)
            {
                if (!model.Any(held => held.Subnet.Overlaps(lease.Subnet)))
                    model.Add(lease);
            }
            return model.ToHashSet().SetEquals(table.Leases.Values) && table.Conflicts.Count == leases.Length - model.Count;
        });
    }

    [Fact]
    public void Changes_are_what_was_added_altered_and_removed()
    {
        LeaseTable older = LeaseTable.Build(1, [Lease("10.1.2.0-24", 2, 1), Lease("10.1.3.0-24", 3, 1), Lease("10.1.4.0-24", 4, 1)], Ours);
        LeaseTable newer = LeaseTable.Build(2, [Lease("10.1.2.0-24", 2, 2), Lease("10.1.3.0-24", 33, 1), Lease("10.1.5.0-24", 5, 2)], Ours);
        Assert.Equal(
            new HashSet<string> { "10.1.3.0-24 -> 10.1.3.0-24", "10.1.4.0-24 -> ", " -> 10.1.5.0-24" },
            newer.ChangesSince(older).Select(change => $"{change.Before?.Key} -> {change.After?.Key}").ToHashSet());
    }
}
