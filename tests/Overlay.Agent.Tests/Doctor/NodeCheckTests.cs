using System.Net;
using Overlay.Agent.Docker;
using Overlay.Agent.Doctor;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Reading;
using Overlay.Agent.Startup;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>Interface, device, MTUs, port, subnet.env and Docker, from facts made up: healthy, then one thing wrong.</summary>
public class NodeCheckTests
{
    [Fact]
    public void A_healthy_node_is_well()
    {
        Some.AssertWell(UnderlayChecks.Judge(Some.Node));
        Some.AssertWell(Overlay(Some.Node));
        Some.AssertWell(Mtus(Some.Node));
    }

    [Fact]
    public void H4_an_underlay_too_small_for_the_overlay_is_a_failure() => Some.AssertIs(
        Mtus(Some.With(Some.LinksWith(Some.Eth0, l => l with { Mtu = 1400 }))), Checks.UnderlayMtu, Verdict.Fail, "eth0 1400, overlay 1450 + 50 = 1500: 100 bytes too many");

    [Fact]
    public void An_underlay_that_has_grown_is_a_warning() => Some.AssertIs(
        Mtus(Some.With(Some.LinksWith(Some.Eth0, l => l with { Mtu = 9000 }))), Checks.UnderlayMtu, Verdict.Warn, "7500 bytes of each packet");

    [Theory]
    [InlineData(1500, "FAIL")]
    [InlineData(1400, "WARN")]
    public void Dockers_bridge_at_another_mtu_is_named(int mtu, string verdict) => Some.AssertIs(
        Mtus(Some.With(Some.LinksWith(Some.Docker0, l => l with { Mtu = mtu }))), Checks.BridgeMtu, verdict == "FAIL" ? Verdict.Fail : Verdict.Warn, $"docker0 {mtu}, overlay 1450");

    [Fact]
    public void A_containers_port_over_the_overlays_mtu_is_a_failure() => Some.AssertIs(
        Mtus(Some.With(Some.LinksWith(Some.Veth, l => l with { Mtu = 1500 }))), Checks.ContainerMtu, Verdict.Fail, "veth1 1500 on docker0");

    // Docker 20.10 leaves its bridge at 1500 until a container is there, and again when the last has left.
    [Theory]
    [InlineData(1500)]
    [InlineData(1400)]
    public void Dockers_bridge_without_a_container_is_not_judged(int mtu) => Some.AssertIs(
        Mtus(Some.With([.. Some.LinksWith(Some.Docker0, l => l with { Mtu = mtu }).Where(l => l.Index != Some.Veth)])), Checks.BridgeMtu, Verdict.Skip, $"docker0 {mtu}, overlay 1450, without a container yet");

    [Fact]
    public void A_containers_own_end_over_the_overlays_mtu_is_a_failure()
    {
        NodeFacts Inside(int mtu) => Some.Node with { Containers = new Dictionary<int, ContainerLink> { [Some.Veth] = new("eth0", mtu, 4711) } };

        Some.AssertIs(Mtus(Inside(1500)), Checks.ContainerMtu, Verdict.Fail, "eth0 1500 inside of the container (process 4711) on docker0");
        Assert.Contains(Mtus(Inside(1500)), f => f.Mend?.StartsWith("nsenter -t 4711 -n ip link set eth0 mtu 1450 #", StringComparison.Ordinal) == true);
        Some.AssertIs(Mtus(Inside(1450)), Checks.ContainerMtu, Verdict.Ok, "at both ends");
        Some.AssertIs(Mtus(Some.Node), Checks.ContainerMtu, Verdict.Ok, "as seen from the host");
    }

    // Four networks have a link to a link of this number: one further in, one of another node, one of our own mounts, and the container.
    [Fact]
    public void A_containers_end_is_found_by_the_numbers_of_both_ends_and_its_subnet()
    {
        using HostRoot root = new([("/sys/class/net/veth1/iflink", "77\n"), .. Network("self", 1, "", 0), .. Network("8", 3, "000F010A", 9000), .. Network("9", 77, "0010010A", 9000), .. Network("10", 77, "000F010A", 9000), .. Network("11", 77, "000F010A", 1500)]);
        foreach ((string process, int mounts) in new[] { ("self", 1), ("8", 8), ("9", 9), ("10", 1), ("11", 11) })
        {
            File.CreateSymbolicLink(root.Files.At($"/proc/{process}/ns/net"), $"net:[{process}]");
            File.CreateSymbolicLink(root.Files.At($"/proc/{process}/ns/mnt"), $"mnt:[{mounts}]");
        }

        Assert.Equal(new ContainerLink("eth0", 1500, 11), Assert.Single(ContainerLink.Read(Some.Node.Host, root.Files, new ProcessTable(root.Files))).Value);

        static (string, string)[] Network(string process, int index, string subnet, int mtu)
        {
            string folder = $"/proc/{process}/root/sys/class/net/eth0";
            return
            [
                ($"/proc/{process}/ns/x", ""), ($"{folder}/iflink", $"{Some.Veth}\n"), ($"{folder}/ifindex", $"{index}\n"), ($"{folder}/mtu", $"{mtu}\n"),
                ($"/proc/{process}/net/route", $"Iface\tDestination\tGateway \nlo\t0000007F\t0\neth0\t00000000\t010F010A\neth0\t{subnet}\t00000000\n"),
            ];
        }
    }

    [Fact]
    public void A_port_on_a_network_of_its_own_is_a_warning()
    {
        IReadOnlyList<LinkInfo> links = [.. Some.Links, new(9, "br-1", "bridge", 1500, true, null, null, null), new(10, "veth2", "veth", 1500, true, null, null, null) { Master = 9 }];

        Some.AssertIs(Mtus(Some.With(links)), Checks.ContainerMtu, Verdict.Warn, "veth2 1500 on br-1");
    }

    [Fact]
    public void Without_device_and_file_the_mtus_are_skipped()
    {
        NodeFacts node = Some.With([.. Some.Links.Where(l => l.Index != Some.Tun)]) with { File = Some.File with { Mtu = null } };

        Assert.All(Mtus(node), f => Assert.Equal(Verdict.Skip, f.Verdict));
    }

    [Fact]
    public void A_lost_agent_device_or_address_is_a_failure()
    {
        Some.AssertIs(Overlay(Some.Node with { Agents = [] }), Checks.Agent, Verdict.Fail, "no overlay-agent");
        Some.AssertIs(Overlay(Some.With([.. Some.Links.Where(l => l.Index != Some.Tun)])), Checks.Device, Verdict.Fail, "no TUN device flannel.1");
        Some.AssertIs(Overlay(Some.With(Some.LinksWith(Some.Tun, l => l with { IsUp = false }))), Checks.Device, Verdict.Fail, "is down");
        Some.AssertIs(Overlay(Some.With(addresses: [.. Some.Addresses.Where(a => a.LinkIndex != Some.Tun)])), Checks.Device, Verdict.Fail, "lacks the address 10.1.15.0");
        Some.AssertIs(Overlay(Some.With(routes: [Some.Route("192.168.64.0/24", Some.Eth0)])), Checks.Device, Verdict.Fail, "no route for 10.1.0.0/16");
    }

    [Fact]
    public void A_kernel_device_of_flanneld_is_named()
    {
        LinkInfo vxlan = new(8, "flannel.1", "vxlan", 1450, true, null, 1, 8472);

        Some.AssertIs(Overlay(Some.With([.. Some.Links.Where(l => l.Index != Some.Tun), vxlan]) with { Agents = [] }), Checks.Leftover, Verdict.Warn, "the agent replaces it");
        Some.AssertIs(Overlay(Some.With([.. Some.Links, vxlan with { Name = "flannel.7" }])), Checks.Leftover, Verdict.Fail, "flannel.7 beside the agent");
        Some.AssertIs(UnderlayChecks.Judge(Some.With([.. Some.Links, vxlan with { Name = "vx7" }])), Checks.Port, Verdict.Fail, "kernel device vx7");
    }

    [Fact]
    public void K4_a_foreign_route_into_the_overlay_is_a_failure()
    {
        RouteInfo foreign = Some.Route("10.1.77.0/24", Some.Eth0), nowhere = foreign with { LinkIndex = 0, Type = 6 };

        Some.AssertIs(Overlay(Some.With(routes: [.. Some.Routes, foreign])), Checks.Route, Verdict.Fail, "10.1.77.0/24 dev eth0");
        Some.AssertIs(Overlay(Some.Node with { MainTable = [.. Some.Routes, nowhere] }), Checks.Route, Verdict.Fail, "blackhole 10.1.77.0/24 takes packets");
    }

    [Fact]
    public void A_subnet_env_that_says_something_else_is_a_failure()
    {
        Some.AssertIs(Overlay(Some.Node with { File = Some.File with { Mtu = 1500 } }), Checks.SubnetFile, Verdict.Fail, "FLANNEL_MTU=1500");
        Some.AssertIs(Overlay(Some.Node with { File = Some.File with { Network = IPNetwork.Parse("10.2.0.0/16") } }), Checks.SubnetFile, Verdict.Fail, "FLANNEL_NETWORK=10.2.0.0/16");
        Some.AssertIs(Overlay(Some.Node with { File = Some.File with { Problem = "it is a FIFO" } }), Checks.SubnetFile, Verdict.Fail, "it is a FIFO");
        Some.AssertIs(Overlay(Some.Node with { File = Some.File with { Subnet = IPNetwork.Parse("10.1.16.0/24"), Gateway = IPAddress.Parse("10.1.16.1") } }), Checks.SubnetFile, Verdict.Fail, "FLANNEL_SUBNET=10.1.16.1/24, flannel.1 has 10.1.15.0");
        Some.AssertIs(Overlay(Some.Node with { File = Some.File with { Written = null } }), Checks.SubnetFile, Verdict.Fail, "is missing");
    }

    [Fact]
    public void K18_a_foreign_owner_of_the_port_is_named() => Some.AssertIs(
        UnderlayChecks.Judge(Some.Node with { Sockets = [new(IPAddress.Any, [(77, "flanneld")])] }), Checks.Port, Verdict.Fail, "held by flanneld (process 77)");

    [Theory]
    [InlineData("tx-udp_tnl-segmentation", "profile full")]
    [InlineData("tx-udp-segmentation", "profile uso")]
    [InlineData("tx-tcp-segmentation", "profile wire")]
    public void The_cards_features_tell_the_profile(string feature, string profile) => Some.AssertIs(
        UnderlayChecks.Judge(Some.Node with { Features = new HashSet<string> { "tx-checksum-ip-generic", "tx-generic-segmentation", "rx-gro", feature } }), Checks.Offloads, Verdict.Ok, profile);

    [Theory]
    [InlineData("transmit checksums are off")]
    [InlineData("generic segmentation is off", "tx-checksum-ipv4")]
    [InlineData("generic receive offload is off", "tx-checksum-ipv4", "tx-generic-segmentation")]
    public void A_card_that_does_less_than_it_might_is_a_warning(string text, params string[] features) => Some.AssertIs(
        UnderlayChecks.Judge(Some.Node with { Features = new HashSet<string>(features) }), Checks.Offloads, Verdict.Warn, text);

    [Fact]
    public void An_underlay_that_is_missing_or_down_is_a_failure()
    {
        Some.AssertIs(UnderlayChecks.Judge(Some.Node with { Underlay = null, UnderlayProblem = "--iface: there is no eth7" }), Checks.Interface, Verdict.Fail, "there is no eth7");
        Some.AssertIs(UnderlayChecks.Judge(Some.With(Some.LinksWith(Some.Eth0, l => l with { IsUp = false }))), Checks.Interface, Verdict.Fail, "eth0, 192.168.64.1, MTU 1500 (it has the default route) is down");
    }

    [Fact]
    public void A_bridge_of_another_mtu_is_named()
    {
        Some.AssertIs(Mtus(Some.With(Some.LinksWith(Some.Docker0, l => l with { Mtu = 1500 }))), Checks.BridgeMtu, Verdict.Fail, "docker0 1500, overlay 1450: packets over 1450 bytes are lost");
        Some.AssertIs(Mtus(Some.With(Some.LinksWith(Some.Docker0, l => l with { Mtu = 1400 }))), Checks.BridgeMtu, Verdict.Warn, "smaller than need be");
    }

    [Fact]
    public void K4_a_rule_that_leads_packets_past_the_device_is_a_failure()
    {
        HostNetwork host = Some.Node.Host;
        RouteInfo elsewhere = Some.Route("10.1.16.0/32", Some.Eth0), nowhere = elsewhere with { LinkIndex = 0 };

        Some.AssertIs(Overlay(Some.Node with { Host = host with { RouteTo = _ => elsewhere } }), Checks.Route, Verdict.Fail, "packets to 10.1.0.0/16 go through eth0 instead of through flannel.1");
        Some.AssertIs(Overlay(Some.Node with { Host = host with { RouteTo = _ => null } }), Checks.Route, Verdict.Fail, "go to nowhere instead");
        NodeFacts byBridge = Some.Node with { Host = host with { RouteThrough = (_, source, link) => (source.ToString(), link) == ("10.1.15.2", Some.Docker0) ? elsewhere : null } };
        Some.AssertIs(Overlay(byBridge), Checks.Route, Verdict.Fail, "packets of containers to 10.1.0.0/16 go through eth0 instead of through flannel.1: a policy rule is in front of the main table (ip route get 10.1.16.0 from 10.1.15.2 iif docker0)");
        Some.AssertWell(Overlay(Some.Node with { Host = host with { RouteThrough = (_, _, _) => elsewhere with { LinkIndex = Some.Tun } } }));
    }

    [Fact]
    public void A_stopped_agent_is_a_failure() =>
        Some.AssertIs(Overlay(Some.Node with { Agents = [Some.Agent with { IsStopped = true }] }), Checks.Agent, Verdict.Fail, "process 100 is stopped");

    private static IEnumerable<Finding> Overlay(NodeFacts node) => OverlayChecks.Judge(node, [IPAddress.Parse("10.1.16.0")]);

    private static IEnumerable<Finding> Mtus(NodeFacts node) => MtuChecks.Judge(node, new DockerView());
}
