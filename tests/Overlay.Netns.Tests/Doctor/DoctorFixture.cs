using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Doctor;

/// <summary>Two healthy nodes with agents, bridges and pods, for all the ways to break the left one.</summary>
public sealed class DoctorFixture : IAsyncDisposable
{
    private TwoNodeTopology? _topology;

    internal TwoNodeTopology Topology => _topology ?? throw new InvalidOperationException("not started");

    internal AgentNode Left => (AgentNode)Topology.Left;

    internal AgentNode Right => (AgentNode)Topology.Right;

    internal async Task StartAsync()
    {
        Privilege.Require();
        string[] missing = [.. new[] { "iptables", "iptables-save" }.Where(tool => !Privilege.IsInstalled(tool))];
        Assert.SkipWhen(missing.Length > 0, $"not installed: {string.Join(", ", missing)}");
        if (_topology is not null) return;
        _topology = await TwoNodeTopology.StartAsync(NodeKind.Ours, NodeKind.Ours, UnderlayProfile.Uso);
        // The tests take etcd away for a moment, stop one agent and break what an agent watches too; the probes meet it.
        Left.AnnounceDrops("ShortOuter", "TooBig", "SendRejected");
        Right.AnnounceDrops("ShortOuter");
        Left.Announce("etcd", "lease", "cannot ", "forwarding is off", "rp_filter is strict", "MTU of the overlay", "overlay device mended", "a route that is not this agent's", "instead of through");
        Right.Announce("etcd", "lease", "cannot ");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _topology?.DisposeAsync() ?? ValueTask.CompletedTask;
}
