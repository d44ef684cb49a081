using System.Net;
using System.Net.Sockets;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Filters;

/// <summary>What is forged on the underlay reaches no pod and no host, as long as one thing about it is wrong (FAULTS 2A to 2E).</summary>
public sealed class FilterTests(FilterFixture fixture) : IClassFixture<FilterFixture>
{
    public static TheoryData<string> Wrongs => [.. Wrong.All.Where(wrong => wrong.Change is not null).Select(wrong => wrong.Name)];

    [Theory, MemberData(nameof(Wrongs))]
    public async Task A_forged_packet_does_not_reach_the_pod(string name)
    {
        await fixture.StartAsync();
        Wrong wrong = Wrong.All.Single(wrong => wrong.Name == name);

        await fixture.AssertDroppedAsync(wrong.Change!(fixture), wrong.Reason);
    }

    // Else two nodes with different views would send such a packet to and fro until its TTL ends.
    [Fact]
    public async Task E6_a_packet_for_another_node_is_not_passed_on()
    {
        await fixture.StartAsync();
        using Socket other = FilterFixture.Listen(fixture.Topology.RightPod.Namespace);

        await fixture.AssertDroppedAsync(fixture.Right with { Destination = fixture.Topology.RightPod.Address }, "NotOurs", other);
    }

    [Fact]
    public async Task E6_a_packet_for_the_underlay_does_not_come_out_of_the_overlay()
    {
        await fixture.StartAsync();
        using Socket host = FilterFixture.Listen(fixture.Topology.Left.Host.Namespace);

        await fixture.AssertDroppedAsync(fixture.Right with { Destination = fixture.Topology.Left.Host.Address }, "NotOurs", host);
    }

    [Fact]
    public async Task E13_the_nodes_own_overlay_addresses_are_reached()
    {
        await fixture.StartAsync();
        foreach (int number in new[] { 0, 1 })
        {
            (bool answered, string output) = Ping.Once(
                fixture.Topology.RightPod.Namespace, fixture.Topology.Left.File.AddressOf(number), 100, mayFragment: false);
            Assert.True(answered, output);
        }
    }

    [Fact]
    public async Task E7_a_subnet_that_nobody_leased_is_unreachable_at_once()
    {
        await fixture.StartAsync();

        (bool answered, string output) = Ping.Once(fixture.Topology.LeftPod.Namespace, IPAddress.Parse("10.1.0.9"), 100, mayFragment: false);

        Assert.False(answered);
        Assert.Contains("Destination Net Unreachable", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pods_still_talk_after_all_that()
    {
        await fixture.StartAsync();
        TwoNodeTopology topology = fixture.Topology;
        foreach (Wrong wrong in Wrong.All.Where(wrong => wrong.Change is not null)) wrong.Change!(fixture).Send(fixture.Attacker.Namespace);

        await TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, 1 << 20, 64 * 1024);
        await UdpTransfer.RunAsync(topology.RightPod, topology.LeftPod, 1000, 320);
    }
}
