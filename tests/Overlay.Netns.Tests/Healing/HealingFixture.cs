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

    /// <summary>All of the device that has to come back, as the ip tool shows it.</summary>
    internal string Shape()
    {
        (int exitCode, string link) = Node.Host.Namespace.Run("ip", "-d", "address", "show", "flannel.1");
        if (exitCode != 0) return "there is no flannel.1";
        string routes = Node.Host.Namespace.Must("ip", "route", "show", "dev", "flannel.1");
        return string.Join(' ', Telling().Matches(link).Select(match => match.Value)) + " | " + routes.Trim();
    }

    /// <summary>Waits until the device is as it was and a packet has gone to the peer and back, and says how long that took.</summary>
    internal async Task HealsAsync(string shape, long brokenAt)
    {
        await Eventually.TrueAsync(() => Shape() == shape, $"the device is again {shape}", () => $"it is {Shape()}\n{Node.Agent.LogText}");
        double restored = Stopwatch.GetElapsedTime(brokenAt).TotalMilliseconds;
        await Ping.UntilAnsweredAsync(Near.Namespace, Far.Address);
        double reached = Stopwatch.GetElapsedTime(brokenAt).TotalMilliseconds;
        TestContext.Current.TestOutputHelper?.WriteLine($"restored after at most {restored:F0} ms, peer reached after at most {reached:F0} ms, tools included");
        Assert.False(Node.Agent.HasExited);
    }

    [GeneratedRegex(@"mtu \d+|qlen \d+|[<,]UP\b|gso_max_size \d+|inet [0-9./]+|type tun")]
    private static partial Regex Telling();
}
