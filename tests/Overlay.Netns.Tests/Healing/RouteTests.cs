using System.Diagnostics;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Healing;

/// <summary>What somebody else does to the overlay's route, or puts in front of it, and what becomes of that (FAULTS K4, R15).</summary>
public sealed class RouteTests(HealingFixture overlay) : IClassFixture<HealingFixture>
{
    [Theory]
    [InlineData("route delete 10.1.0.0/16 dev flannel.1")]
    [InlineData("route replace 10.1.0.0/16 dev eth0")]
    [InlineData("route prepend 10.1.0.0/16 dev eth0")]   // ours stands, and no packet comes to it
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
        await overlay.Node.Agent.LoggedAsync("a route that is not this agent's takes packets of the overlay: 10.1.77.0/24 dev eth0;");
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

    [Fact]
    public async Task K4_a_rule_that_is_in_front_for_containers_only_is_named()
    {
        overlay.Node.Announce("instead of through flannel.1");

        overlay.Node.Host.Namespace.Ip("route add 10.1.0.0/16 dev eth0 table 78", "rule add from 10.1.0.0/16 lookup 78");

        await overlay.Node.Agent.LoggedAsync("packets of containers to 10.1.0.0/16 go through eth0 instead of through flannel.1");
        overlay.Node.Host.Namespace.Ip("rule delete from 10.1.0.0/16 lookup 78");
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
}
