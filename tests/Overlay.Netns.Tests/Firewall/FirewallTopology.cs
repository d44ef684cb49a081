using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Firewall;

/// <summary>
/// Two nodes of ours with a pod each, started with flags of the firewall, and a host beside them on the underlay that knows nothing
/// of the overlay. FORWARD drops by default on both nodes, as Docker leaves it.
/// </summary>
internal sealed class FirewallTopology : IAsyncDisposable
{
    private readonly Underlay _underlay;

    private FirewallTopology(Underlay underlay) => _underlay = underlay;

    public AgentNode Left { get; private set; } = null!;

    public AgentNode Right { get; private set; } = null!;

    public Pod LeftPod { get; private set; } = null!;

    public Pod RightPod { get; private set; } = null!;

    public Host Outside { get; private set; } = null!;

    /// <summary>Builds it.</summary>
    /// <param name="flags">More flags for both agents.</param>
    public static async Task<FirewallTopology> StartAsync(params IReadOnlyList<string> flags)
    {
        Privilege.Require();
        Assert.SkipUnless(Privilege.IsInstalled("iptables"), "not installed: iptables");
        FirewallTopology topology = new(Underlay.Create());
        try
        {
            EtcdNode etcd = EtcdNode.Create(topology._underlay);
            await etcd.StartAsync();
            etcd.PutConfig();
            topology.Left = await topology.StartNodeAsync(etcd, "left", 1, flags);
            topology.Right = await topology.StartNodeAsync(etcd, "right", 2, flags);
            topology.Outside = topology._underlay.Attach("outside", 50);
            topology.LeftPod = topology.CreatePod(topology.Left);
            topology.RightPod = topology.CreatePod(topology.Right);
            // Between the nodes themselves, which FORWARD has nothing to do with.
            await Ping.UntilAnsweredAsync(topology.Left.Host.Namespace, topology.Right.File.AddressOf(0));
            await Ping.UntilAnsweredAsync(topology.Right.Host.Namespace, topology.Left.File.AddressOf(0));
            return topology;
        }
        catch
        {
            await topology.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _underlay.DisposeAsync();

    private async Task<AgentNode> StartNodeAsync(EtcdNode etcd, string name, int number, IReadOnlyList<string> flags)
    {
        AgentNode node = new(_underlay, etcd, name, number);
        node.AnnounceDrops("NoRoute", "UnknownVtep");
        // What Docker 20.10 makes of the chain, in the order in which it stands when the agent comes.
        node.Host.Namespace.Must("sh", "-ec", """
            iptables -P FORWARD DROP
            iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN
            iptables -N DOCKER-ISOLATION-STAGE-1; iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN
            iptables -A FORWARD -j DOCKER-USER
            iptables -A FORWARD -j DOCKER-ISOLATION-STAGE-1
            """);
        await node.StartReadyAsync(flags);
        return node;
    }

    private Pod CreatePod(AgentNode node)
    {
        Pod.CreateBridge(node.Host, node.File);
        return Pod.Create(_underlay, node.Host, node.File);
    }
}
