using System.Net;
using System.Net.Sockets;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Filters;

/// <summary>What is forged on the underlay reaches no pod and no host, as long as one thing about it is wrong (FAULTS 2A to 2E).</summary>
public sealed class FilterTests(FilterFixture fixture) : IClassFixture<FilterFixture>
{
    // The receiver's first datagram has to be the one with nothing wrong: see AssertLostAsync.
    public static TheoryData<string> Wrongs => [.. s_wrongs.Keys];

    private static readonly Dictionary<string, Func<FilterFixture, Forgery>> s_wrongs = new()
    {
        ["A3 an outer source that is no VTEP"] = f => f.Right with { OuterSource = f.Attacker.Address },
        ["A4 the node's own outer source"] = f => f.Right with { OuterSource = f.Right.OuterDestination },
        ["B1 no I flag"] = f => f.Right with { Flags = 0 },
        ["B1 one flag too many"] = f => f.Right with { Flags = 0x88 },
        ["B3 another VNI"] = f => f.Right with { Vni = 2 },
        ["B3 the VNI with swapped octets"] = f => f.Right with { Vni = 0x010000 },
        ["N1 a stranger's destination MAC"] = f => f.Right with { DestinationMac = FilterFixture.Mac("02:00:00:00:00:99") },
        ["N1 the broadcast MAC"] = f => f.Right with { DestinationMac = FilterFixture.Mac("ff:ff:ff:ff:ff:ff") },
        ["N2 a stranger's source MAC"] = f => f.Right with { SourceMac = FilterFixture.Mac("02:00:00:00:00:99") },
        ["N2 the node's own source MAC"] = f => f.Right with { SourceMac = f.Right.DestinationMac },
        ["N3 an EtherType that is not IP"] = f => f.Right with { EtherType = 0x0806 },
        ["D4 a martian source"] = f => f.Right with { Source = IPAddress.Loopback },
        ["E2 a source of another peer"] = f => f.Right with { Source = IPAddress.Parse("10.1.77.2") },
        ["E3 a source of the node itself"] = f => f.Right with { Source = f.Topology.Left.File.AddressOf(9) },
        ["E4 a source that nobody leased"] = f => f.Right with { Source = IPAddress.Parse("10.1.0.9") },
        ["E5 a source outside of the overlay"] = f => f.Right with { Source = IPAddress.Parse("203.0.113.9") },
    };

    [Theory, MemberData(nameof(Wrongs))]
    public async Task A_forged_packet_does_not_reach_the_pod(string wrong)
    {
        await fixture.StartAsync();
        using Socket pod = FilterFixture.Listen(fixture.Topology.LeftPod.Namespace);
        Forgery forgery = s_wrongs[wrong](fixture);

        string mark = Guid.NewGuid().ToString();
        for (int i = 0; i < 10; i++) forgery.Send(fixture.Attacker.Namespace);
        (fixture.Right with { Payload = System.Text.Encoding.ASCII.GetBytes(mark) }).Send(fixture.Attacker.Namespace);

        Assert.Equal(mark, await FilterFixture.ReceiveAsync(pod));
    }

    // Else two nodes with different views would send such a packet to and fro until its TTL ends.
    [Fact]
    public async Task E6_a_packet_for_another_node_is_not_passed_on()
    {
        await fixture.StartAsync();
        using Socket other = FilterFixture.Listen(fixture.Topology.RightPod.Namespace);

        await fixture.AssertLostAsync(fixture.Right with { Destination = fixture.Topology.RightPod.Address }, other);
    }

    [Fact]
    public async Task E6_a_packet_for_the_underlay_does_not_come_out_of_the_overlay()
    {
        await fixture.StartAsync();
        using Socket host = FilterFixture.Listen(fixture.Topology.Left.Host.Namespace);

        await fixture.AssertLostAsync(fixture.Right with { Destination = fixture.Topology.Left.Host.Address }, host);
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
        foreach (Forgery forgery in s_wrongs.Values.Select(wrong => wrong(fixture))) forgery.Send(fixture.Attacker.Namespace);

        await TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, 1 << 20, 64 * 1024);
        await UdpTransfer.RunAsync(topology.RightPod, topology.LeftPod, 1000, 320);
    }
}
