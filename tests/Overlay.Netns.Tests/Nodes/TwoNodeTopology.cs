using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Nodes;

/// <summary>Two nodes with a pod each, joined through a switch, and a real etcd.</summary>
/// <remarks>
/// <code>
///     pod namespace                     pod namespace
///     eth0 .2 |                         eth0 .2 |
///   +--- docker0 .1 ---+              +--- docker0 .1 ---+
///   | left: flannel.1  |              | right: flannel.1 |      etcd       attacker
///   +--- eth0 .1 ------+              +--- eth0 .2 ------+    eth0 .250    eth0 .66
///         |                                 |                    |            |
///   +-----+---------------------------------+--------------------+------------+-----+
///   |  switch: bridge br0, 192.168.64.0/24, a port named after each host             |
///   +--------------------------------------------------------------------------------+
/// </code>
/// A box is a network namespace. The pods' bridges are made from each node's subnet.env, as Docker does it. The attacker is
/// there only in tests that attach it.
/// </remarks>
internal sealed class TwoNodeTopology : IAsyncDisposable
{
    private TwoNodeTopology(Underlay underlay, EtcdNode etcd) => (Underlay, Etcd) = (underlay, etcd);

    public Underlay Underlay { get; }

    public EtcdNode Etcd { get; }

    public IOverlayNode Left { get; private set; } = null!;

    public IOverlayNode Right { get; private set; } = null!;

    public Pod LeftPod { get; private set; } = null!;

    public Pod RightPod { get; private set; } = null!;

    /// <summary>Builds it and waits until both nodes know each other.</summary>
    /// <param name="left">Who moves the left node's packets.</param>
    /// <param name="right">And the right one's.</param>
    /// <param name="profile">What the network cards can do.</param>
    /// <param name="withPods">False leaves bridges and containers to somebody else, such as Docker.</param>
    /// <param name="flags">More flags for each agent.</param>
    public static async Task<TwoNodeTopology> StartAsync(
        NodeKind left, NodeKind right, UnderlayProfile profile = UnderlayProfile.Full, bool withPods = true, Func<AgentNode, IEnumerable<string>>? flags = null)
    {
        Underlay underlay = Underlay.Create();
        TwoNodeTopology topology = new(underlay, EtcdNode.Create(underlay));
        try
        {
            await topology.Etcd.StartAsync();
            topology.Etcd.PutConfig();
            topology.Left = await topology.StartNodeAsync(left, "left", 1, flags);
            topology.Right = await topology.StartNodeAsync(right, "right", 2, flags);
            topology.SetProfile(profile);
            foreach (KernelNode node in new[] { topology.Left, topology.Right }.OfType<KernelNode>()) node.LearnPeers();
            if (!withPods) return topology;
            topology.LeftPod = topology.CreatePod(topology.Left);
            topology.RightPod = topology.CreatePod(topology.Right);
            await Ping.UntilAnsweredAsync(topology.LeftPod.Namespace, topology.RightPod.Address);
            return topology;
        }
        catch
        {
            await underlay.DisposeAsync();
            throw;
        }
    }

    /// <summary>Changes the network cards of both nodes, while traffic may flow (FAULTS G10).</summary>
    public void SetProfile(UnderlayProfile profile)
    {
        Underlay.SetProfile(profile, Left.Host);
        Underlay.SetProfile(profile, Right.Host);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Underlay.DisposeAsync();

    private async Task<IOverlayNode> StartNodeAsync(NodeKind kind, string name, int number, Func<AgentNode, IEnumerable<string>>? flags)
    {
        if (kind == NodeKind.Kernel) return new KernelNode(Underlay, Etcd, name, number);
        AgentNode node = new(Underlay, Etcd, name, number);
        node.AnnounceDrops("NoRoute", "UnknownVtep");   // the first packets, before the nodes know each other (FAULTS E12)
        await node.StartReadyAsync(flags?.Invoke(node) ?? []);
        return node;
    }

    private Pod CreatePod(IOverlayNode node)
    {
        Pod.CreateBridge(node.Host, node.File);
        return Pod.Create(Underlay, node.Host, node.File);
    }
}
