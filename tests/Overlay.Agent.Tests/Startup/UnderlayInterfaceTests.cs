using System.Net;
using Overlay.Agent.Cli;
using Overlay.Agent.Startup;
using Overlay.Agent.Tests.Support;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Tests.Startup;

/// <summary>
/// One host: lo; eth0 10.0.0.5 (default route); eth1 with a link-local, a deprecated, a secondary and two other addresses; bare without
/// any; zero with MTU 0.
/// </summary>
public sealed class UnderlayInterfaceTests
{
    private const uint Permanent = 0x80;
    private const uint Secondary = 0x01;
    private const uint Deprecated = 0x20;

    private static readonly HostNetwork Host = new(
        [Link(1, "lo", 65536), Link(2, "eth0", 1500), Link(3, "eth1", 9000), Link(4, "bare", 1500), Link(5, "zero", 0)],
        [
            Address(1, "127.0.0.1"),
            Address(2, "10.0.0.5"),
            Address(3, "169.254.7.7"),
            Address(3, "192.168.1.1", Permanent | Deprecated),
            Address(3, "192.168.1.2", Permanent | Secondary),
            Address(3, "192.168.1.3", 0),
            Address(3, "192.168.1.4"),
            Address(3, "fd00::4"),
            Address(5, "10.9.9.9"),
        ],
        [Route("0.0.0.0/0", 3, "192.168.1.254", metric: 200), Route("0.0.0.0/0", 2, "10.0.0.1", metric: 100), Route("10.0.0.0/24", 2)],
        destination => destination.ToString() switch
        {
            "172.16.0.9" => Route("172.16.0.9/32", 3, "192.168.1.254") with { PreferredSource = IPAddress.Parse("192.168.1.2") },
            "172.16.0.8" => Route("172.16.0.8/32", 3, "192.168.1.254"),
            _ => null,
        });

    [Theory]
    [InlineData("", "eth0", "10.0.0.5", "10.0.0.5")]
    [InlineData("--iface=eth0", "eth0", "10.0.0.5", "10.0.0.5")]
    [InlineData("--iface=eth1", "eth1", "192.168.1.4", "192.168.1.4")]
    [InlineData("--iface=192.168.1.3", "eth1", "192.168.1.3", "192.168.1.3")]
    [InlineData("--iface=169.254.7.7", "eth1", "169.254.7.7", "169.254.7.7")]
    [InlineData("--iface=eth9 --iface=bare --iface=eth1 --iface=eth0", "eth1", "192.168.1.4", "192.168.1.4")]
    [InlineData("--iface-regex=^192", "eth1", "192.168.1.4", "192.168.1.4")]
    [InlineData(@"--iface-regex=\.3$", "eth1", "192.168.1.3", "192.168.1.3")]
    [InlineData("--iface-regex=th1$", "eth1", "192.168.1.4", "192.168.1.4")]
    [InlineData("--iface-regex=.*", "eth0", "10.0.0.5", "10.0.0.5")]
    [InlineData("--iface-regex=wlan --iface-regex=th1", "eth1", "192.168.1.4", "192.168.1.4")]
    [InlineData("--iface-regex=^192 --iface=eth0", "eth0", "10.0.0.5", "10.0.0.5")]
    [InlineData("--iface=eth9 --iface-regex=^192", "eth1", "192.168.1.4", "192.168.1.4")]
    [InlineData("--iface-can-reach=172.16.0.9", "eth1", "192.168.1.2", "192.168.1.2")]
    [InlineData("--iface-can-reach=172.16.0.8", "eth1", "192.168.1.4", "192.168.1.4")]
    [InlineData("--iface-can-reach=172.16.0.9 --iface-regex=eth0", "eth0", "10.0.0.5", "10.0.0.5")]
    [InlineData("--public-ip=192.168.1.3", "eth1", "192.168.1.3", "192.168.1.3")]
    [InlineData("--public-ip=203.0.113.7", "eth0", "10.0.0.5", "203.0.113.7")]
    [InlineData("--public-ip=203.0.113.7 --iface=eth1", "eth1", "192.168.1.4", "203.0.113.7")]
    [InlineData("--public-ip=10.0.0.5 --iface=eth1", "eth1", "192.168.1.4", "10.0.0.5")]
    public void The_choice_follows_the_flags(string flags, string name, string address, string publicIp)
    {
        UnderlayChoice choice = Choose(flags, Host);
        Assert.Equal((name, address, publicIp), (choice.Link.Name, choice.Address.ToString(), choice.PublicIp.ToString()));
        Assert.Equal(choice.Address, choice.ListenAddress);
        Assert.NotEmpty(choice.Reason);
    }

    [Fact]
    public void A_public_address_behind_NAT_is_said_to_be_one() => Assert.Contains("NAT", Choose("--public-ip=203.0.113.7", Host).Reason);

    [Fact]
    public void The_listen_address_can_be_chosen_apart() => Assert.Equal(IPAddress.Any, Choose("--listen-address=0.0.0.0", Host).ListenAddress);

    [Theory]
    [InlineData("--iface=eth9", "there is no \"eth9\"")]
    [InlineData("--iface=10.0.0.99", "no interface has address 10.0.0.99")]
    [InlineData("--iface=bare", "bare has no usable IPv4 address")]
    [InlineData("--iface=lo", "lo has no usable IPv4 address")]
    [InlineData("--iface=127.0.0.1", "loopback")]
    [InlineData("--iface=zero", "no MTU for zero")]
    [InlineData("--iface-regex=^172 --iface=eth9", "\"^172\" matches no address and no name")]
    [InlineData("--iface-can-reach=8.8.8.8", "no interface routes to 8.8.8.8")]
    [InlineData("--iface=eth9 --public-ip=10.0.0.5", "there is no \"eth9\"")]
    public void Nothing_found_is_one_clear_line(string flags, string expected)
    {
        string message = Assert.Throws<CannotStartException>(() => Choose(flags, Host)).Message;
        Assert.Contains(expected, message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void A_miss_lists_what_was_tried_and_what_there_is()
    {
        string message = Assert.Throws<CannotStartException>(() => Choose("--iface=eth8 --iface=eth9", Host)).Message;
        Assert.Contains("eth8", message);
        Assert.Contains("eth9", message);
        Assert.Contains("found lo (127.0.0.1), eth0 (10.0.0.5), eth1 (169.254.7.7", message);
    }

    [Fact]
    public void Without_a_default_route_the_flag_to_use_is_named() =>
        Assert.Contains("--iface", Assert.Throws<CannotStartException>(() => Choose("", Host with { Routes = [] })).Message);

    [Fact]
    public void A_default_route_with_several_next_hops_needs_a_flag() =>
        Assert.Contains("several next hops", Assert.Throws<CannotStartException>(() => Choose("", Host with { Routes = [Route("0.0.0.0/0", 0)] })).Message);

    [Fact]
    public void Of_equal_default_routes_the_kernels_first_is_taken() =>
        Assert.Equal("eth1", Choose("", Host with { Routes = [Route("0.0.0.0/0", 3), Route("0.0.0.0/0", 2)] }).Link.Name);

    [Fact]
    public void A_default_route_over_an_interface_without_address_is_refused() =>
        Assert.Contains("bare has no usable", Assert.Throws<CannotStartException>(() => Choose("", Host with { Routes = [Route("0.0.0.0/0", 4)] })).Message);

    [Fact]
    public void The_kernels_own_answers_serve_the_choice()
    {
        using var netlink = new RouteNetlink();
        HostNetwork host = HostNetwork.Read(netlink);
        Assert.Equal(Directory.GetDirectories("/sys/class/net").Select(Path.GetFileName).Order(), host.Links.Select(l => l.Name).Order());
        Assert.Contains("loopback", Assert.Throws<CannotStartException>(() => Choose("--iface=127.0.0.1", host)).Message);

        AddressInfo? own = host.Addresses.FirstOrDefault(a => a.Address.GetAddressBytes() is [not 127, _, _, _]);
        Assert.SkipWhen(own is null, "this host has no IPv4 address but loopback's");
        UnderlayChoice choice = Choose($"--iface={own.Address}", host);
        Assert.Equal((own.LinkIndex, own.Address), (choice.Link.Index, choice.PublicIp));
    }

    private static UnderlayChoice Choose(string flags, HostNetwork host)
    {
        string[] arguments = flags.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return UnderlayInterface.Choose(Assert.IsType<Invocation.Run>(Parsed.Line(arguments)).Options.Underlay, host);
    }

    private static LinkInfo Link(int index, string name, int mtu) => new(index, name, null, mtu, true, null, null, null);

    private static AddressInfo Address(int link, string address, uint flags = Permanent) => new(link, IPAddress.Parse(address), 24, 0, flags);

    private static RouteInfo Route(string destination, int link, string? gateway = null, uint metric = 0) =>
        new(IPNetwork.Parse(destination), link, gateway is null ? null : IPAddress.Parse(gateway), null, metric);
}
