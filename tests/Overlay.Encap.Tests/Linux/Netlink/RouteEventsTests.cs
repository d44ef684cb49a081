using System.Net;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;
using Overlay.Encap.Linux.Netlink.Events;

namespace Overlay.Encap.Tests.Linux.Netlink;

public sealed class RouteEventsTests
{
    [Theory]
    [InlineData("link set lo up")]
    [InlineData("address add 192.0.2.1/32 dev lo")]
    [InlineData("route add blackhole 192.0.2.0/24")]
    [InlineData("rule add to 192.0.2.0/24 lookup 77")]
    public void A_change_is_heard(string command) => PrivateNetwork.Run(() =>
    {
        using ShutdownSignal signal = new();
        using RouteEvents events = new(signal);
        using Timer patience = new(_ => signal.Trigger(), null, TimeSpan.FromSeconds(20), Timeout.InfiniteTimeSpan);

        PrivateNetwork.Ip(command);

        Assert.True(events.Wait(), $"nothing was heard of: ip {command}");
    });

    [Fact]
    public void K9_events_that_do_not_fit_are_heard_of_as_an_overrun_and_later_ones_as_ever() => PrivateNetwork.Run(() =>
    {
        using ShutdownSignal signal = new();
        using RouteEvents events = new(signal);
        using Timer patience = new(_ => signal.Trigger(), null, TimeSpan.FromSeconds(20), Timeout.InfiniteTimeSpan);
        events.ShrinkBuffer();
        using RouteNetlink netlink = new();
        int lo = netlink.Link("lo")!.Index;

        for (int i = 1; i < 200; i++) netlink.ReplaceAddress(lo, new IPAddress([192, 0, 2, (byte)i]), 32);
        Assert.True(events.Wait());
        Assert.True(events.Overruns > 0);

        netlink.DeleteAddress(lo, IPAddress.Parse("192.0.2.1"), 32);
        Assert.True(events.Wait());
    });

    [Fact]
    public void The_signal_ends_the_wait() => PrivateNetwork.Run(() =>
    {
        using ShutdownSignal signal = new();
        using RouteEvents events = new(signal);

        signal.Trigger();

        Assert.False(events.Wait());
    });

    [Fact]
    public void A_blackhole_route_stands_behind_an_address_of_the_same_prefix_and_is_removed_alone() => PrivateNetwork.Run(() =>
    {
        using RouteNetlink netlink = new();
        IPNetwork subnet = IPNetwork.Parse("10.5.3.0/24");
        for (int i = 0; i < 2; i++) netlink.AddBlackhole(subnet, 1_000_000_000, 79);
        Assert.Null(netlink.RouteTo(IPAddress.Parse("10.5.3.9")));

        PrivateNetwork.Ip("link add docker0 type bridge");
        PrivateNetwork.Ip("address add 10.5.3.1/24 dev docker0");
        PrivateNetwork.Ip("link set docker0 up");
        Assert.Equal(netlink.Link("docker0")!.Index, netlink.RouteTo(IPAddress.Parse("10.5.3.9"))?.LinkIndex);
        Assert.Contains(netlink.MainTable(), route => route is { IsUnicast: false, Protocol: 79, Metric: 1_000_000_000 });

        for (int i = 0; i < 2; i++) netlink.DeleteBlackhole(subnet, 1_000_000_000, 79);
        Assert.Equal(subnet, Assert.Single(netlink.MainTable()).Destination);
    });
}
