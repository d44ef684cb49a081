using System.Diagnostics;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Healing;

/// <summary>What somebody else does to the overlay's device, address and route, and how it is undone (FAULTS K3, K4, R15).</summary>
public sealed class DeviceTests(HealingFixture overlay) : IClassFixture<HealingFixture>
{
    [Theory]
    [InlineData("deleted", "link delete flannel.1")]
    [InlineData("set down", "link set flannel.1 down")]
    [InlineData("renamed", "link set flannel.1 name other7")]
    [InlineData("another MTU", "link set flannel.1 mtu 1300")]
    [InlineData("another queue", "link set flannel.1 txqueuelen 10")]
    [InlineData("smaller super-packets", "link set flannel.1 gso_max_size 9000")]
    [InlineData("no address", "address flush dev flannel.1")]
    [InlineData("a second address of the overlay", "address add 10.1.200.1/24 dev flannel.1")]
    public async Task K3_the_device_comes_back(string what, string command)
    {
        string shape = overlay.Shape();
        (FlowCounts before, _) = await overlay.Node.Agent.CountsAsync();

        long broken = Stopwatch.GetTimestamp();
        overlay.Node.Host.Namespace.Ip(command);
        await overlay.HealsAsync(shape, broken);

        (FlowCounts after, _) = await overlay.Node.Agent.CountsAsync();
        Assert.True(after.Received > before.Received && after.Delivered > before.Delivered, $"{what}: the counts went back from {before} to {after}");
    }

    [Fact]
    public async Task K3_a_device_moved_to_another_namespace_comes_back_and_is_not_left_there()
    {
        NetworkNamespace elsewhere = overlay.Underlay.CreateNamespace("elsewhere");
        string shape = overlay.Shape();

        long broken = Stopwatch.GetTimestamp();
        overlay.Node.Host.Namespace.Ip($"link set flannel.1 netns {elsewhere.Name}");
        await overlay.HealsAsync(shape, broken);

        Assert.NotEqual(0, elsewhere.Run("ip", "link", "show", "flannel.1").ExitCode);
    }

    [Fact]
    public async Task K3_a_device_whose_name_is_taken_comes_back_when_the_name_is_free()
    {
        overlay.Node.Announce("overlay device cannot be mended");
        string shape = overlay.Shape();

        // Two calls to the kernel with nothing between them: the agent is quick.
        overlay.Node.Host.Namespace.Ip("link add thief type bridge");
        overlay.Node.Host.Namespace.Ip("link set flannel.1 name other7", "link set thief name flannel.1");
        await overlay.Node.Agent.LoggedAsync("overlay device cannot be mended");
        long broken = Stopwatch.GetTimestamp();
        overlay.Node.Host.Namespace.Ip("link delete flannel.1");

        await overlay.HealsAsync(shape, broken);
    }

    [Theory]
    [InlineData("route delete 10.1.0.0/16 dev flannel.1")]
    [InlineData("route replace 10.1.0.0/16 dev eth0")]
    [InlineData("route flush dev flannel.1")]
    public async Task K4_R15_our_route_comes_back(string command)
    {
        string shape = overlay.Shape();

        long broken = Stopwatch.GetTimestamp();
        overlay.Node.Host.Namespace.Ip(command);

        await overlay.HealsAsync(shape, broken);
    }

    [Fact]
    public async Task K4_a_route_that_is_not_ours_is_named_once_and_left()
    {
        overlay.Node.Announce("a route that is not this agent's");

        overlay.Node.Host.Namespace.Ip("route add 10.1.77.0/24 dev eth0");
        await overlay.Node.Agent.LoggedAsync("a route that is not this agent's takes packets of the overlay: 10.1.77.0/24 through eth0");
        // More events, more looks, no more lines.
        for (int i = 0; i < 5; i++) overlay.Node.Host.Namespace.Ip("address add 192.0.2.1/32 dev lo", "address delete 192.0.2.1/32 dev lo");
        await overlay.HealsAsync(overlay.Shape(), Stopwatch.GetTimestamp());

        Assert.Equal(1, overlay.Node.Agent.Count("10.1.77.0/24"));
        Assert.Contains("dev eth0", overlay.Node.Host.Namespace.Must("ip", "route", "show", "10.1.77.0/24"), StringComparison.Ordinal);
        overlay.Node.Host.Namespace.Ip("route delete 10.1.77.0/24");
    }

    [Fact]
    public async Task K4_a_rule_in_front_is_named()
    {
        overlay.Node.Announce("instead of through flannel.1");

        overlay.Node.Host.Namespace.Ip("route add 10.1.0.0/16 dev eth0 table 77", "rule add to 10.1.0.0/16 lookup 77");

        await overlay.Node.Agent.LoggedAsync("packets to 10.1.0.0/16 go through eth0 instead of through flannel.1");
        overlay.Node.Host.Namespace.Ip("rule delete to 10.1.0.0/16 lookup 77");
        await Ping.UntilAnsweredAsync(overlay.Near.Namespace, overlay.Far.Address);
    }

    [Theory]
    [InlineData("ipv4/conf/flannel.1/rp_filter", "1", "0", "rp_filter is strict on flannel.1")]
    [InlineData("ipv4/ip_forward", "0", "1", "forwarding is off on flannel.1")]
    public async Task K4_a_switch_of_the_kernel_that_drops_packets_is_named(string path, string bad, string good, string text)
    {
        overlay.Node.Announce(text);

        overlay.Node.Host.Namespace.SetSysctl(path, bad);

        await overlay.Node.Agent.LoggedAsync(text);
        overlay.Node.Host.Namespace.SetSysctl(path, good);
        await Ping.UntilAnsweredAsync(overlay.Near.Namespace, overlay.Far.Address);
    }

    [Fact]
    public async Task K4_another_program_that_wants_it_otherwise_is_met_ever_less_often()
    {
        string shape = overlay.Shape();
        NetworkNamespace space = overlay.Node.Host.Namespace;
        int lines = overlay.Node.Agent.Count("overlay device mended");

        int fights = 0;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(3))
        {
            if (space.Run("ip", "route", "delete", "10.1.0.0/16", "dev", "flannel.1").ExitCode == 0) fights++;
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        // At once ten times, then after 0.2, 0.4, 0.8, 1.6 s: a program that spins finds it back some dozen times and not a hundred.
        Assert.InRange(fights, 2, 20);
        Assert.InRange(overlay.Node.Agent.Count("overlay device mended") - lines, 0, 1);
        await Eventually.TrueAsync(() => overlay.Shape() == shape, "the route is there again", () => overlay.Node.Agent.LogText);
    }
}
