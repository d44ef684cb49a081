using System.Globalization;
using System.Text.RegularExpressions;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;
using static Tmds.Linux.LibC;

namespace Overlay.Netns.Tests.Segmentation;

/// <summary>Super-packets that leave whole, for the network card or the kernel to cut: real TAP, real nf_tables rule, real peers.</summary>
public sealed partial class TunnelSegmentationTests
{
    private const string Tap = "flannel.1.gso";
    private const int Bytes = 64 << 20;

    [Theory]
    [InlineData(NodeKind.Ours)]
    [InlineData(NodeKind.Kernel)]
    public async Task Where_the_card_segments_tunnels_super_packets_leave_whole(NodeKind peer)
    {
        await using TwoNodeTopology topology = await StartAsync(peer, "auto");
        await SaysAsync(topology, "tunnel segmentation on");

        await TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, Bytes, 64 * 1024);
        await TcpTransfer.RunAsync(topology.RightPod, topology.LeftPod, Bytes, 64 * 1024);

        Assert.InRange(Taken(topology.Left), Bytes / 2, long.MaxValue);
        Assert.DoesNotContain("inet6", topology.Left.Host.Namespace.Must("ip", "address", "show", Tap), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(UnderlayProfile.Uso)]
    [InlineData(UnderlayProfile.Wire)]
    public async Task Asked_for_on_any_card_the_kernel_cuts_what_the_card_does_not(UnderlayProfile profile)
    {
        await using TwoNodeTopology topology = await StartAsync(NodeKind.Kernel, "on");
        topology.SetProfile(profile);

        await TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, Bytes, 64 * 1024);

        Assert.InRange(Taken(topology.Left), Bytes / 2, long.MaxValue);
    }

    [Fact]
    public async Task It_follows_the_card_the_routes_and_IPsec_and_comes_back()
    {
        await using TwoNodeTopology topology = await StartAsync(NodeKind.Kernel, "auto");
        NetworkNamespace host = topology.Left.Host.Namespace;
        await SaysAsync(topology, "tunnel segmentation on");

        topology.SetProfile(UnderlayProfile.Wire);
        await SaysAsync(topology, "tunnel segmentation off (eth0 does not segment tunnels)");
        await GoneAsync(host);
        topology.SetProfile(UnderlayProfile.Full);
        await SaysAsync(topology, "tunnel segmentation on", times: 2);

        host.Must("ip", "route", "add", "192.168.64.99/32", "via", "192.168.64.250");
        await SaysAsync(topology, "tunnel segmentation off (routes within the prefix of 192.168.64.1/24 lead elsewhere)");
        host.Must("ip", "route", "del", "192.168.64.99/32");
        await SaysAsync(topology, "tunnel segmentation on", times: 3);

        if (host.Run("ip", "xfrm", "policy", "add", "src", "10.99.0.0/24", "dst", "10.98.0.0/24", "dir", "out", "action", "block").ExitCode != 0) return;
        host.Must("ip", "route", "add", "10.99.0.0/24", "dev", "lo");   // a change that the kernel tells of; IPsec's own are looked for twice a minute
        await SaysAsync(topology, "tunnel segmentation off (this host has IPsec policies)");
    }

    [Fact]
    public async Task A_port_that_somebody_removes_under_traffic_costs_no_byte_and_comes_back()
    {
        await using TwoNodeTopology topology = await StartAsync(NodeKind.Ours, "auto");
        ((AgentNode)topology.Left).Announce("refused");   // in the counters' line, where it is written before the test ends
        NetworkNamespace host = topology.Left.Host.Namespace;
        await SaysAsync(topology, "tunnel segmentation on");
        Task transfer = Task.Run(() => TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, 2 * Bytes, 64 * 1024), TestContext.Current.CancellationToken);

        for (int i = 0; i < 3; i++)
        {
            await Eventually.TrueAsync(() => Taken(topology.Left) > 0, "packets pass through it");
            host.Must("ip", "link", "delete", Tap);
        }

        await transfer;
        await Eventually.TrueAsync(() => host.Run("ip", "link", "show", Tap).ExitCode == 0, "it is there again");
    }

    [Fact]
    public async Task Device_and_rule_go_with_a_killed_agent_and_a_flush_of_everything_leaves_the_rule_alone()
    {
        await using TwoNodeTopology topology = await StartAsync(NodeKind.Kernel, "auto");
        NetworkNamespace host = topology.Left.Host.Namespace;
        await SaysAsync(topology, "tunnel segmentation on");
        host.Must("nft", "flush", "ruleset");
        Assert.Contains(Tap, host.Must("nft", "list", "tables"), StringComparison.Ordinal);

        AgentProcess agent = ((AgentNode)topology.Left).Agent;
        agent.Signal(SIGKILL);
        await agent.ExitAsync();

        await GoneAsync(host);
    }

    private static Task<TwoNodeTopology> StartAsync(NodeKind peer, string mode)
    {
        Privilege.Require();
        Assert.SkipUnless(Environment.OSVersion.Version >= new Version(6, 17), "the kernel takes no tunnel super-packets (before Linux 6.17)");
        return TwoNodeTopology.StartAsync(NodeKind.Ours, peer, flags: _ => [$"--offload-tunnel-gso={mode}"]);
    }

    private static Task SaysAsync(TwoNodeTopology topology, string text, int times = 1) => ((AgentNode)topology.Left).Agent.LoggedAsync(text, times);

    private static Task GoneAsync(NetworkNamespace host) => Eventually.TrueAsync(
        () => host.Run("ip", "link", "show", Tap).ExitCode != 0 && !host.Must("nft", "list", "tables").Contains(Tap, StringComparison.Ordinal), "device and rule are gone");

    // The bytes that have come in on the device, which are those that we wrote to it; 0 while there is none.
    private static long Taken(IOverlayNode node)
    {
        (int exitCode, string shown) = node.Host.Namespace.Run("ip", "-s", "-j", "link", "show", Tap);
        return exitCode == 0 && Received().Match(shown) is { Success: true } match ? long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
    }

    [GeneratedRegex("\"rx\":\\{\"bytes\":(\\d+)")]
    private static partial Regex Received();
}
