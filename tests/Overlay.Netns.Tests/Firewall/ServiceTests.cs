using System.Net;
using Overlay.Netns.Tests.Network;

namespace Overlay.Netns.Tests.Firewall;

/// <summary>
/// Service addresses as kube-proxy makes them: its chains in iptables mode, and the redirection to a proxy in user space that came
/// before. The endpoint is a container on another node and says under which address it sees its client.
/// </summary>
public sealed class ServiceTests
{
    private static readonly IPAddress Service = IPAddress.Parse("10.96.0.10");
    private const int ServicePort = 80;

    [Fact]
    public async Task A_service_address_leads_across_the_overlay_to_an_endpoint_that_sees_the_right_client()
    {
        await using FirewallTopology topology = await FirewallTopology.StartAsync("--iptables-forward-rules", "--ip-masq");
        using Witness endpoint = new(topology.RightPod.Namespace, topology.RightPod.Address);
        NetworkNamespace node = topology.Left.Host.Namespace;
        InstallService(node, endpoint.EndPoint);
        string container = $"{topology.LeftPod.Address}", nodeOnOverlay = $"{topology.Left.File.AddressOf(0)}";
        IPEndPoint service = new(Service, ServicePort);

        // PREROUTING: the container's own address. OUTPUT: not the underlay address that the node chose before DNAT.
        Assert.Equal(container, await Witness.AskAsync(topology.LeftPod.Namespace, service));
        Assert.Equal(nodeOnOverlay, await Witness.AskAsync(node, service));

        // With kube-proxy's mark (--masquerade-all) it is kube-proxy that masquerades, and both are the node to the endpoint.
        node.Must("iptables", "-t", "nat", "-I", "KUBE-SVC", "-j", "KUBE-MARK-MASQ");
        Assert.Equal(nodeOnOverlay, await Witness.AskAsync(topology.LeftPod.Namespace, service));
        Assert.Equal(nodeOnOverlay, await Witness.AskAsync(node, service));
        Assert.True(CounterOf(node, "KUBE-POSTROUTING", "MASQUERADE") > 0);
    }

    [Fact]
    public async Task Without_ip_masq_kube_proxys_own_masquerading_is_enough()
    {
        await using FirewallTopology topology = await FirewallTopology.StartAsync("--iptables-forward-rules");
        using Witness endpoint = new(topology.RightPod.Namespace, topology.RightPod.Address);
        NetworkNamespace node = topology.Left.Host.Namespace;
        InstallService(node, endpoint.EndPoint);
        // As with --cluster-cidr: what comes from without the overlay is masqueraded.
        node.Must("iptables", "-t", "nat", "-I", "KUBE-SVC", "!", "-s", $"{topology.Left.File.Network}", "-j", "KUBE-MARK-MASQ");
        IPEndPoint service = new(Service, ServicePort);

        Assert.Equal($"{topology.LeftPod.Address}", await Witness.AskAsync(topology.LeftPod.Namespace, service));
        Assert.Equal($"{topology.Left.File.AddressOf(0)}", await Witness.AskAsync(node, service));
    }

    [Theory]
    [InlineData("--ip-masq")]
    [InlineData("--ip-masq=false")]
    public async Task The_older_redirection_to_a_proxy_in_user_space_works_too(string masquerade)
    {
        await using FirewallTopology topology = await FirewallTopology.StartAsync("--iptables-forward-rules", masquerade);
        using Witness endpoint = new(topology.RightPod.Namespace, topology.RightPod.Address);
        NetworkNamespace node = topology.Left.Host.Namespace;
        using Witness proxy = Witness.CreateProxy(node, endpoint.EndPoint);
        node.Ip($"route add {Service}/32 via 192.168.64.250");
        foreach (string chain in new[] { "PREROUTING", "OUTPUT" })
            node.Must("iptables", "-t", "nat", "-A", chain, "-d", $"{Service}/32", "-p", "tcp", "--dport", $"{ServicePort}", "-j", "REDIRECT", "--to-ports", $"{proxy.EndPoint.Port}");

        string nodeOnOverlay = $"{topology.Left.File.AddressOf(0)}";
        Assert.Equal(nodeOnOverlay, await Witness.AskAsync(topology.LeftPod.Namespace, new IPEndPoint(Service, ServicePort)));
        Assert.Equal(nodeOnOverlay, await Witness.AskAsync(node, new IPEndPoint(Service, ServicePort)));
    }

    // Chain by chain as kube-proxy writes them, with one service of one endpoint.
    private static void InstallService(NetworkNamespace node, IPEndPoint endpoint) => node.Must("sh", "-ec", $"""
        ip route add {Service}/32 via 192.168.64.250   # the node's default route, in small
        N="iptables -t nat"
        $N -N KUBE-MARK-MASQ; $N -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
        $N -N KUBE-POSTROUTING
        $N -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
        $N -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
        $N -A KUBE-POSTROUTING -j MASQUERADE --random-fully
        $N -I POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
        $N -N KUBE-SEP; $N -A KUBE-SEP -s {endpoint.Address}/32 -j KUBE-MARK-MASQ
        $N -A KUBE-SEP -p tcp -j DNAT --to-destination {endpoint}
        $N -N KUBE-SVC; $N -A KUBE-SVC -j KUBE-SEP
        $N -N KUBE-SERVICES; $N -A KUBE-SERVICES -d {Service}/32 -p tcp --dport {ServicePort} -j KUBE-SVC
        $N -I PREROUTING -j KUBE-SERVICES
        $N -I OUTPUT -j KUBE-SERVICES
        """);

    private static long CounterOf(NetworkNamespace node, string chain, string target) =>
        long.Parse(node.Must("iptables", "-t", "nat", "-vxnL", chain).Split('\n').Single(line => line.Contains(target, StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], System.Globalization.CultureInfo.InvariantCulture);
}
