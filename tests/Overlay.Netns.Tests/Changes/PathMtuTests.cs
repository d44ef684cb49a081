using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Changes;

/// <summary>A path between two nodes that becomes narrower than their network cards, told of by the router in the middle.</summary>
public sealed class PathMtuTests
{
    private const int Narrow = 1400, Overhead = 50, Wide = Underlay.Mtu - Overhead;

    [Theory]
    [InlineData(UnderlayProfile.Full)]
    [InlineData(UnderlayProfile.Wire)]
    public async Task H2_H5_a_path_narrowed_under_traffic_is_told_to_the_senders_and_no_other_path_suffers(UnderlayProfile profile)
    {
        await using TwoNodeTopology topology = await TwoNodeTopology.StartAsync(NodeKind.Ours, NodeKind.Ours, profile);
        ((AgentNode)topology.Left).AnnounceDrops("TooBig");
        Pod third = await ThirdAsync(topology);
        Host router = RouteThroughARouter(topology);
        Task transfer = Task.Run(() => TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, 64 << 20, 64 * 1024), TestContext.Current.CancellationToken);

        router.Namespace.Ip($"route replace {topology.Right.Host.Address}/32 dev eth0 mtu {Narrow}");

        await transfer;
        (FlowCounts sent, _) = await ((AgentNode)topology.Left).Agent.CountsAsync();
        Assert.InRange(sent.Dropped("TooBig"), 1, long.MaxValue);   // its packets were of 1,450 bytes when the path became narrow
        // By the pod's own kernel, which has been told by ours ("mtu=1350"); or by ours now ("mtu = 1350").
        await Eventually.TrueAsync(
            () => Ping.Once(topology.LeftPod.Namespace, topology.RightPod.Address, Wide, mayFragment: false).Output.Replace(" ", "", StringComparison.Ordinal)
                .Contains($"mtu={Narrow - Overhead}", StringComparison.Ordinal),
            "the sender in the pod knows the MTU of the path");
        (bool answered, string output) = Ping.Once(topology.LeftPod.Namespace, topology.RightPod.Address, Narrow - Overhead, mayFragment: false);
        Assert.True(answered, output);
        (answered, output) = Ping.Once(topology.LeftPod.Namespace, third.Address, Wide, mayFragment: false);
        Assert.True(answered, output);
    }

    private static async Task<Pod> ThirdAsync(TwoNodeTopology topology)
    {
        AgentNode node = new(topology.Underlay, topology.Etcd, "third", 3);
        node.AnnounceDrops("NoRoute", "UnknownVtep");
        await node.StartReadyAsync();
        Pod.CreateBridge(node.Host, node.File);
        Pod pod = Pod.Create(topology.Underlay, node.Host, node.File);
        await Ping.UntilAnsweredAsync(topology.LeftPod.Namespace, pod.Address);
        return pod;
    }

    // A router on a stick: in by eth0 and out by it; what it has to say of its route's MTU it says by ICMP.
    private static Host RouteThroughARouter(TwoNodeTopology topology)
    {
        Host router = topology.Underlay.Attach("router", 4);
        foreach (string device in new[] { "all", "eth0" }) router.Namespace.SetSysctl($"ipv4/conf/{device}/send_redirects", "0");
        topology.Left.Host.Namespace.Ip($"route replace {topology.Right.Host.Address}/32 via {router.Address} dev eth0");
        return router;
    }
}
