using System.Net;
using Overlay.Agent.Configuration;
using Overlay.Agent.Doctor;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Reading;
using Overlay.Agent.Startup;
using Overlay.Encap.Linux.Netlink;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>Facts of a healthy node, to be made worse one at a time.</summary>
internal static class Some
{
    public const int Eth0 = 2, Tun = 3, Docker0 = 4, Veth = 5;

    public static readonly ProcessInfo Agent = new(100, ["overlay-agent"], new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));

    public static readonly IReadOnlyList<LinkInfo> Links =
    [
        new(1, "lo", null, 65536, true, null, null, null),
        new(Eth0, "eth0", null, 1500, true, null, null, null),
        new(Tun, "flannel.1", "tun", 1450, true, null, null, null),
        new(Docker0, "docker0", "bridge", 1450, true, null, null, null),
        new(Veth, "veth1", "veth", 1450, true, null, null, null) { Master = Docker0 },
    ];

    public static readonly IReadOnlyList<AddressInfo> Addresses =
    [
        Address(1, "127.0.0.1", 8), Address(Eth0, "192.168.64.1", 24), Address(Tun, "10.1.15.0", 32), Address(Docker0, "10.1.15.1", 24),
    ];

    public static readonly IReadOnlyList<RouteInfo> Routes =
    [
        Route("0.0.0.0/0", Eth0), Route("192.168.64.0/24", Eth0), Route("10.1.0.0/16", Tun), Route("10.1.15.0/24", Docker0),
    ];

    public static readonly SubnetFileFacts File = new(
        "/run/flannel/subnet.env", null, IPNetwork.Parse("10.1.0.0/16"), IPAddress.Parse("10.1.15.1"), IPNetwork.Parse("10.1.15.0/24"), 1450, false,
        new DateTimeOffset(2026, 1, 1, 12, 0, 1, TimeSpan.Zero));

    public static NodeFacts Node { get; } = With(Links, Addresses, Routes);

    public static NodeFacts With(IReadOnlyList<LinkInfo>? links = null, IReadOnlyList<AddressInfo>? addresses = null, IReadOnlyList<RouteInfo>? routes = null)
    {
        HostNetwork host = new(links ?? Links, addresses ?? Addresses, routes ?? Routes, target =>
            (routes ?? Routes).Where(r => r.Destination.Contains(target)).MaxBy(r => r.Destination.PrefixLength));
        LinkInfo underlay = host.Links.First(l => l.Name == "eth0");
        IPAddress address = IPAddress.Parse("192.168.64.1");
        return new NodeFacts
        {
            Options = new AgentOptions { Etcd = new EtcdSettings { Endpoints = [new Uri("http://192.168.64.250:2379")], Prefix = "/coreos.com/network" } },
            Host = host,
            MainTable = host.Routes,
            File = File,
            Underlay = new UnderlayChoice(underlay, address, address, address, "it has the default route"),
            Config = NetworkConfig.Parse("""{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}"""u8),
            Agents = [Agent],
            Features = new HashSet<string> { "tx-checksum-ip-generic", "tx-generic-segmentation", "rx-gro", "tx-udp-segmentation" },
            Sockets = [new UdpSocketInfo(address, [(100, "overlay-agent")])],
        };
    }

    /// <summary>The links with one of them changed.</summary>
    public static IReadOnlyList<LinkInfo> LinksWith(int index, Func<LinkInfo, LinkInfo> change) => [.. Links.Select(l => l.Index == index ? change(l) : l)];

    public static AddressInfo Address(int link, string address, int length) => new(link, IPAddress.Parse(address), length, 0, 0x80);

    public static RouteInfo Route(string destination, int link) => new(IPNetwork.Parse(destination), link, null, null, 0);

    /// <summary>Exactly one finding of that check, with a verdict and a text; one that wants mending says how.</summary>
    public static void AssertIs(IEnumerable<Finding> findings, Check check, Verdict verdict, string text)
    {
        Finding[] all = [.. findings];
        Finding found = Assert.Single(all, f => f.Check == check && f.Verdict == verdict && f.Found.Contains(text, StringComparison.Ordinal));
        Assert.Equal(verdict >= Verdict.Warn, found.Mend is { Length: > 0 });
    }

    /// <summary>Nothing is worse than SKIP.</summary>
    public static void AssertWell(IEnumerable<Finding> findings) => Assert.DoesNotContain(findings, f => f.Verdict > Verdict.Skip);
}
