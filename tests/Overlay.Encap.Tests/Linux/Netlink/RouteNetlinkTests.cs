using System.Net;
using System.Text.Json;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Encap.Tests.Linux.Netlink;

/// <summary>Against the running kernel in a namespace of the test's own, with the ip tool as the oracle.</summary>
public sealed class RouteNetlinkTests
{
    private static readonly IPAddress Own = IPAddress.Parse("10.5.3.0");
    private static readonly IPNetwork Overlay = IPNetwork.Parse("10.5.0.0/16");

    [Fact]
    public void Tun_is_set_up_as_the_overlay_needs_it_and_twice_is_once() => PrivateNetwork.Run(() =>
    {
        using RouteNetlink netlink = new();
        using FileDescriptor tun = TestTun.Create("flannel.1");
        int index = netlink.Link("flannel.1")!.Index;

        for (int i = 0; i < 2; i++)
        {
            netlink.SetLink(index, 1450, up: true, 100, 62000);
            netlink.ReplaceAddress(index, Own, 32);
            netlink.ReplaceRoute(Overlay, index, Own);

            JsonElement link = Ip("-d link show dev flannel.1")[0];
            Assert.Equal(1450, link.GetProperty("mtu").GetInt32());
            Assert.Equal(100, link.GetProperty("txqlen").GetInt32());
            Assert.Equal(62000, link.GetProperty("gso_max_size").GetInt32());
            Assert.Contains("UP", link.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()));
            JsonElement address = Assert.Single(Ip("-4 addr show dev flannel.1")[0].GetProperty("addr_info").EnumerateArray());
            Assert.Equal(("10.5.3.0", 32, "global"), (address.GetProperty("local").GetString(), address.GetProperty("prefixlen").GetInt32(),
                address.GetProperty("scope").GetString()));
            JsonElement route = Assert.Single(Ip("-4 route show").EnumerateArray());
            Assert.Equal(("10.5.0.0/16", "flannel.1", "link", "10.5.3.0"), (route.GetProperty("dst").GetString(),
                route.GetProperty("dev").GetString(), route.GetProperty("scope").GetString(), route.GetProperty("prefsrc").GetString()));
        }
        Assert.Equal(new LinkInfo(index, "flannel.1", "tun", 1450, true, null, null, null) { TxQueueLength = 100, GsoMaxSize = 62000 }, netlink.Link("flannel.1"));
        Assert.Equal([new RouteInfo(Overlay, index, null, Own, 0) { Protocol = 4 }], netlink.Routes());
        Assert.Equal(new RouteInfo(IPNetwork.Parse("10.5.7.7/32"), index, null, Own, 0), netlink.RouteTo(IPAddress.Parse("10.5.7.7")));
    });

    [Fact]
    public void Taken_down_it_is_gone_and_twice_is_once() => PrivateNetwork.Run(() =>
    {
        using RouteNetlink netlink = new();
        using FileDescriptor tun = TestTun.Create("ovl0");
        int index = netlink.Link("ovl0")!.Index;
        netlink.SetLink(index, 1450, up: true, 500, 65536);
        netlink.ReplaceAddress(index, Own, 32);
        netlink.ReplaceRoute(Overlay, index, Own);

        for (int i = 0; i < 2; i++) netlink.DeleteAddress(index, Own, 32);
        Assert.DoesNotContain(netlink.Addresses(), address => address.Address.Equals(Own));
        netlink.SetLink(index, 1450, up: false, 500, 65536);
        Assert.False(netlink.Link("ovl0")!.IsUp);
        for (int i = 0; i < 2; i++) netlink.DeleteLink(index);
        Assert.Null(netlink.Link("ovl0"));
        netlink.DeleteAddress(index, Own, 32);
        Assert.Equal(Errno.EBADFD, Syscall.ErrorOf(Syscall.Read(tun, new byte[64])));
    });

    [Theory]
    [InlineData("nothing")]
    [InlineData("ours behind it")]
    public void K4_our_route_replaces_a_foreign_one_of_the_same_prefix(string before) => PrivateNetwork.Run(() =>
    {
        using RouteNetlink netlink = new();
        using FileDescriptor foreign = TestTun.Create("other");
        using FileDescriptor tun = TestTun.Create("ovl0");
        int index = netlink.Link("ovl0")!.Index;
        PrivateNetwork.Ip("link set other up");
        netlink.SetLink(index, 1450, true, 500, 62000);
        netlink.ReplaceAddress(index, Own, 32);
        if (before != "nothing") netlink.ReplaceRoute(Overlay, index, Own);
        PrivateNetwork.Ip("route prepend 10.5.0.0/16 dev other");
        netlink.ReplaceRoute(Overlay, index, Own);
        Assert.Equal([new RouteInfo(Overlay, index, null, Own, 0) { Protocol = 4 }], netlink.Routes());
    });

    [Fact]
    public void Lists_agree_with_the_ip_tool() => PrivateNetwork.Run(() =>
    {
        PrivateNetwork.Ip("link set lo up");
        PrivateNetwork.Ip("link add br0 type bridge");
        PrivateNetwork.Ip("link add flannel.1 address 0e:11:22:33:44:55 type vxlan id 7 dstport 8472 dev lo");
        for (int i = 0; i < 100; i++) PrivateNetwork.Ip($"addr add 10.{i}.0.1/24 dev br0");
        PrivateNetwork.Ip("link set br0 up");
        PrivateNetwork.Ip("route add 10.200.0.0/16 nexthop via 10.1.0.2 nexthop via 10.2.0.2");
        PrivateNetwork.Ip("route add default via 10.3.0.9 metric 50");
        PrivateNetwork.Ip("route add blackhole 10.99.9.0/24");
        PrivateNetwork.Ip("route add 10.98.9.0/24 dev br0 table 77");
        using RouteNetlink netlink = new();

        Assert.Equal(
            Ip("-d link show").EnumerateArray().Select(link => (
                link.GetProperty("ifindex").GetInt32(), link.GetProperty("ifname").GetString()!, link.GetProperty("mtu").GetInt32(),
                link.TryGetProperty("linkinfo", out JsonElement info) ? info.GetProperty("info_kind").GetString() : null,
                link.GetProperty("address").GetString())),
            netlink.Links().Select(link => (link.Index, link.Name, link.Mtu, link.Kind, link.Mac?.ToString())));
        LinkInfo vxlan = netlink.Link("flannel.1")!;
        Assert.Equal((7u, (ushort)8472), (vxlan.VxlanId, vxlan.VxlanPort));

        Assert.Equal(
            Ip("addr show").EnumerateArray().SelectMany(link => link.GetProperty("addr_info").EnumerateArray().Select(address =>
                $"{link.GetProperty("ifindex")} {address.GetProperty("local").GetString()}/{address.GetProperty("prefixlen")}")).Order(),
            netlink.Addresses().Select(address => $"{address.LinkIndex} {address.Address}/{address.PrefixLength}").Order());

        IReadOnlyList<RouteInfo> routes = netlink.Routes();
        Assert.Equal(
            Ip("-4 route show table main type unicast").EnumerateArray()
                .Select(route => (Destination(route), Text(route, "gateway"), Text(route, "prefsrc"))),
            routes.Select(route => (route.Destination.ToString(), route.Gateway?.ToString(), route.PreferredSource?.ToString())));
        Assert.Equal(50u, routes[0].Metric);
        Assert.Equal(102, routes.Count);
    });

    [Fact]
    public void Route_to_an_address_is_what_ip_route_get_says() => PrivateNetwork.Run(() =>
    {
        using RouteNetlink netlink = new();
        Assert.Null(netlink.RouteTo(IPAddress.Parse("192.0.2.1")));
        PrivateNetwork.Ip("link add br0 type bridge");
        PrivateNetwork.Ip("addr add 10.1.0.1/24 dev br0");
        PrivateNetwork.Ip("link set br0 up");
        PrivateNetwork.Ip("route add default via 10.1.0.9");
        PrivateNetwork.Ip("route add blackhole 10.99.9.0/24");
        PrivateNetwork.Ip("route add unreachable 10.98.9.0/24");
        foreach (string destination in (string[])["192.0.2.1", "10.1.0.7", "10.1.0.1"])
        {
            JsonElement expected = Ip($"route get {destination}")[0];
            RouteInfo route = netlink.RouteTo(IPAddress.Parse(destination))!;
            Assert.Equal(
                (Text(expected, "dev"), Text(expected, "gateway"), Text(expected, "prefsrc")),
                (netlink.Links().Single(link => link.Index == route.LinkIndex).Name, route.Gateway?.ToString(), route.PreferredSource?.ToString()));
        }
        Assert.Null(netlink.RouteTo(IPAddress.Parse("10.99.9.1")));
        Assert.Null(netlink.RouteTo(IPAddress.Parse("10.98.9.1")));
    });

    [Fact]
    public void Route_of_a_forwarded_packet_heeds_rules_for_its_source_and_interface() => PrivateNetwork.Run(() =>
    {
        using RouteNetlink netlink = new();
        foreach (string name in (string[])["inside", "outside", "vpn"]) PrivateNetwork.Ip($"link add {name} type bridge");
        PrivateNetwork.Ip("addr add 10.1.0.1/24 dev inside");
        foreach (string name in (string[])["inside", "outside", "vpn"]) PrivateNetwork.Ip($"link set {name} up");
        PrivateNetwork.Ip("route add 10.1.0.0/16 dev outside");
        PrivateNetwork.Ip("route add default dev vpn table 77");
        File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "1");
        (IPAddress peer, IPAddress container) = (IPAddress.Parse("10.1.9.0"), IPAddress.Parse("10.1.0.2"));
        int inside = netlink.Link("inside")!.Index;
        Assert.Equal(netlink.Link("outside")!.Index, netlink.RouteThrough(peer, container, inside)?.LinkIndex);

        foreach (string rule in (string[])["from 10.1.0.0/24", "iif inside"])
        {
            PrivateNetwork.Ip($"rule add {rule} lookup 77");
            Assert.Equal(netlink.Link("vpn")!.Index, netlink.RouteThrough(peer, container, inside)?.LinkIndex);
            Assert.Equal(netlink.Link("outside")!.Index, netlink.RouteTo(peer)?.LinkIndex);
            PrivateNetwork.Ip($"rule delete {rule} lookup 77");
        }
        File.WriteAllText("/proc/sys/net/ipv4/conf/inside/rp_filter", "1");
        Assert.Null(netlink.RouteThrough(peer, IPAddress.Parse("10.1.8.2"), inside));
        File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "0");
        Assert.Null(netlink.RouteThrough(peer, container, inside));
    });

    [Fact]
    public void Names_that_no_interface_has_are_absent() => PrivateNetwork.Run(() =>
    {
        using RouteNetlink netlink = new();
        Assert.Null(netlink.Link("nosuch0"));
        Assert.Null(netlink.Link(""));
        Assert.Null(netlink.Link("a-name-much-too-long-for-linux"));
        Assert.Equal("lo", netlink.Link("lo")!.Name);
    });

    [Fact]
    public void Refusal_repeats_the_words_of_the_kernel() => PrivateNetwork.Run(() =>
    {
        using RouteNetlink netlink = new();
        LinuxException refusal = Assert.Throws<LinuxException>(() => netlink.ReplaceRoute(Overlay, 99, Own));
        Assert.Equal(Errno.ENODEV, refusal.Errno);
        Assert.StartsWith("cannot add route 10.5.0.0/16 through interface 99 with source 10.5.3.0: ENODEV", refusal.Message,
            StringComparison.Ordinal);

        using FileDescriptor tun = TestTun.Create("ovl0");
        int index = netlink.Link("ovl0")!.Index;
        refusal = Assert.Throws<LinuxException>(() => netlink.SetLink(index, 1_000_000, true, 100, 62000));
        Assert.Equal(Errno.EINVAL, refusal.Errno);
        Assert.Contains("the kernel says \"mtu greater than device maximum\"", refusal.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void K9_dump_misses_nothing_while_the_table_changes() => PrivateNetwork.Run(() =>
    {
        // A dump of this many addresses takes several datagrams. The kernel resumes each at a position in the list, so that an address
        // removed near the head makes it skip a later one, unless the dump is repeated.
        const int Passing = 100;
        const int Staying = 1000;
        PrivateNetwork.Ip("link add br0 type bridge");
        using RouteNetlink netlink = new();
        int index = netlink.Link("br0")!.Index;
        for (int i = 0; i < Passing; i++) netlink.ReplaceAddress(index, new IPAddress([10, 2, 0, (byte)i]), 32);
        for (int i = 0; i < Staying; i++) netlink.ReplaceAddress(index, new IPAddress([10, 1, (byte)(i >> 8), (byte)i]), 32);
        using RouteNetlink other = new();
        Thread churn = new(() =>
        {
            for (int i = 0; i < Passing; i++)
            {
                other.DeleteAddress(index, new IPAddress([10, 2, 0, (byte)i]), 32);
                Thread.Sleep(5);
            }
        })
        { IsBackground = true };
        churn.Start();
        do Assert.Equal(Staying, netlink.Addresses().Count(address => address.Address.GetAddressBytes() is [10, 1, ..]));
        while (churn.IsAlive);
    });

    private static JsonElement Ip(string arguments)
    {
        using JsonDocument document = JsonDocument.Parse(PrivateNetwork.Ip("-j " + arguments));
        return document.RootElement.Clone();
    }

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static string Destination(JsonElement route) => Text(route, "dst") switch
    {
        "default" => "0.0.0.0/0",
        string text when text.Contains('/', StringComparison.Ordinal) => text,
        string text => text + "/32",
        null => "",
    };
}
