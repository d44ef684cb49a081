using System.Net;
using Overlay.Agent.Tunnel;
using Overlay.Agent.Tunnel.Routing;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Tests.Tunnel;

public sealed class OverlayRoutesTests
{
    private const int Eth0 = 2, Tun = 3, Docker0 = 4;
    private const byte Blackhole = 6;

    private static readonly RouteInfo Ours = Route("10.1.0.0/16", Tun), Same = Route("10.1.0.0/16", Eth0);

    private static readonly LinkInfo[] Links = [new(Eth0, "eth0", null, 1500, true, null, null, null)];

    [Fact]
    public void K4_what_is_more_specific_or_leads_nowhere_is_in_the_way()
    {
        RouteInfo specific = Route("10.1.77.0/24", Eth0), nowhere = Route("10.1.9.0/24", 0) with { Type = Blackhole, Metric = 7 };

        Assert.Equal([specific, nowhere], InTheWay(Ours, specific, nowhere));
    }

    [Fact]
    public void K4_of_one_prefix_only_what_stands_before_ours_is_in_the_way()
    {
        Assert.Equal([Same], InTheWay(Same, Ours));
        Assert.Empty(InTheWay(Ours, Same, Same with { Metric = 100 }));
        Assert.Equal([Same], InTheWay(Same));   // ours is gone
    }

    [Fact]
    public void Our_own_dockers_and_the_rest_of_the_world_are_not() =>
        Assert.Empty(InTheWay(
            Route("0.0.0.0/0", Eth0), Route("10.0.0.0/8", Eth0), Route("192.168.64.0/24", Eth0), Ours, Route("10.1.15.0/24", Docker0), Route("10.1.15.64/26", Docker0),
            Route("10.1.15.0/24", 0) with { Type = Blackhole, Metric = OverlayLink.BlackholeMetric, Protocol = OverlayLink.RouteProtocol },
            Route("10.1.3.0/24", 0) with { Type = Blackhole, Metric = OverlayLink.BlackholeMetric, Protocol = OverlayLink.RouteProtocol }));

    [Fact]
    public void A_route_is_described_as_ip_route_delete_takes_it()
    {
        Assert.Equal("10.1.77.0/24 via 192.168.64.9 dev eth0 metric 100",
            OverlayRoutes.Describe(Route("10.1.77.0/24", Eth0) with { Gateway = IPAddress.Parse("192.168.64.9"), Metric = 100 }, Links));
        Assert.Equal("blackhole 10.1.9.0/24 metric 7", OverlayRoutes.Describe(Route("10.1.9.0/24", 0) with { Type = Blackhole, Metric = 7 }, Links));
        Assert.Equal("10.1.77.0/24", OverlayRoutes.Describe(Route("10.1.77.0/24", 0), Links));   // several next hops
    }

    private static IEnumerable<RouteInfo> InTheWay(params RouteInfo[] table) =>
        OverlayRoutes.InTheWay(table, IPNetwork.Parse("10.1.0.0/16"), IPNetwork.Parse("10.1.15.0/24"), Tun);

    private static RouteInfo Route(string destination, int link) => new(IPNetwork.Parse(destination), link, null, null, 0);
}
