using System.Diagnostics;
using System.Text.RegularExpressions;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Healing;

/// <summary>An agent with a container, a kernel peer with another, and pings between them: built once, broken again and again.</summary>
public sealed partial class HealingFixture : IAsyncLifetime
{
    /// <summary>R15 wants a second of a node with a processor of its own; the tests share theirs with builds.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    private Underlay? _underlay;

    internal Underlay Underlay => _underlay!;

    internal AgentNode Node { get; private set; } = null!;

    internal Pod Near { get; private set; } = null!;

    internal Pod Far { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Privilege.Require();
        _underlay = Underlay.Create();
        EtcdNode etcd = EtcdNode.Create(_underlay);
        await etcd.StartAsync();
        etcd.PutConfig();
        Node = new AgentNode(_underlay, etcd, "node", 1);
        Node.AnnounceDrops("NoRoute", "UnknownVtep", "TunRejected");   // before the peers know each other, and into a device that is gone or down
        Node.Announce("overlay device mended");
        await Node.StartReadyAsync();
        KernelNode peer = new(_underlay, etcd, "peer", 2);
        peer.LearnPeers();
        Pod.CreateBridge(Node.Host, Node.File);
        Pod.CreateBridge(peer.Host, peer.File);
        Near = Pod.Create(_underlay, Node.Host, Node.File);
        Far = Pod.Create(_underlay, peer.Host, peer.File);
        await Ping.UntilAnsweredAsync(Near.Namespace, Far.Address);
    }

    public async ValueTask DisposeAsync()
    {
        if (_underlay is not null) await _underlay.DisposeAsync();
    }

    /// <summary>All that has to come back, as the ip tool shows it: the device, its routes, and the way that packets to the peer take.</summary>
    internal string Shape()
    {
        (int exitCode, string link) = Node.Host.Namespace.Run("ip", "-d", "address", "show", "flannel.1");
        if (exitCode != 0) return "there is no flannel.1";
        string routes = Node.Host.Namespace.Must("ip", "route", "show", "dev", "flannel.1");
        string way = Node.Host.Namespace.Run("ip", "route", "get", $"{Far.Address}").Output;
        return $"{string.Join(' ', Telling().Matches(link).Select(match => match.Value))} | {routes.Trim()} | {Way().Match(way).Value}";
    }

    /// <summary>Waits until the device is as it was and a packet has gone to the peer and back, each within <see cref="Bound"/>.</summary>
    internal async Task HealsAsync(string shape, long brokenAt)
    {
        string last = "";
        await Eventually.TrueAsync(() => (last = Shape()) == shape, $"the device is again\n{shape}", () => $"it was, when last looked at,\n{last}\n{Node.Agent.LogText}");
        TimeSpan restored = Stopwatch.GetElapsedTime(brokenAt);
        await Ping.UntilAnsweredAsync(Near.Namespace, Far.Address);
        TimeSpan reached = Stopwatch.GetElapsedTime(brokenAt);
        string times = $"restored after at most {restored.TotalMilliseconds:F0} ms, peer reached after at most {reached.TotalMilliseconds:F0} ms, tools included";
        TestContext.Current.TestOutputHelper?.WriteLine(times);
        Assert.True(restored < Bound && reached < Bound + Bound, $"too late: {times}\n{Node.Agent.LogText}");
        Assert.False(Node.Agent.HasExited);
    }

    [GeneratedRegex(@"mtu \d+|qlen \d+|[<,]UP\b|gso_max_size \d+|inet [0-9./]+|type tun")]
    private static partial Regex Telling();

    [GeneratedRegex(@"dev \S+ src \S+")]
    private static partial Regex Way();
}
