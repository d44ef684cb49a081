using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>A switch with an etcd that holds a network config, and the one or two nodes that a test starts on it.</summary>
public abstract class LifecycleTest : IAsyncLifetime
{
    private Underlay? _underlay;

    private protected Underlay Underlay => _underlay!;

    private protected EtcdNode Etcd { get; private set; } = null!;

    /// <summary>The node that the test is about; its agent does not run yet.</summary>
    private protected AgentNode Node { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Privilege.Require();
        _underlay = Underlay.Create();
        Etcd = EtcdNode.Create(_underlay);
        Node = new AgentNode(_underlay, Etcd, "node", 1);
        if (!StartsEtcd) return;
        await Etcd.StartAsync();
        Etcd.PutConfig();
    }

    public async ValueTask DisposeAsync()
    {
        if (_underlay is not null) await _underlay.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Whether etcd runs, with a network config, before the test begins.</summary>
    private protected virtual bool StartsEtcd => true;

    private protected AgentNode CreateOther() => new(Underlay, Etcd, "other", 2);

    /// <summary>The agent ends with 1 and one clear line.</summary>
    private protected static async Task AssertCannotStartAsync(AgentNode node, params IEnumerable<string> parts)
    {
        node.Announce("cannot start: ");
        Assert.Equal(1, await node.Agent.ExitAsync());
        string line = Assert.Single(node.Agent.Trouble, line => line.Contains(" FATAL ", StringComparison.Ordinal));
        Assert.All(parts, part => Assert.Contains(part, line, StringComparison.Ordinal));
    }
}
