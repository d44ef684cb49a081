using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>A kernel that refuses to send.</summary>
public sealed class SendTests
{
    [Fact]
    public async Task K7_a_firewall_of_this_node_that_drops_the_tunnel_costs_packets_and_nothing_else()
    {
        Privilege.Require();
        Assert.SkipUnless(Privilege.IsInstalled("iptables"), "not installed: iptables");
        await using TwoNodeTopology topology = await TwoNodeTopology.StartAsync(NodeKind.Ours, NodeKind.Kernel);
        AgentNode node = (AgentNode)topology.Left;
        node.AnnounceDrops("SendRejected");
        NetworkNamespace space = node.Host.Namespace;

        // The kernel answers EPERM to each send.
        space.Must("iptables", "-w", "-A", "OUTPUT", "-p", "udp", "--dport", "8472", "-j", "DROP");
        Assert.NotEqual(0, topology.LeftPod.Namespace.Run("ping", "-q", "-c", "20", "-i", "0.02", "-W", "1", $"{topology.RightPod.Address}").ExitCode);
        FlowCounts outbound = (await node.Agent.CountsAsync()).Outbound;
        Assert.True(outbound.Dropped("SendRejected") >= 20, node.Agent.LogText);
        await node.Agent.LoggedAsync("outbound packets dropped in the last 10 s: ");
        string line = Assert.Single(node.Agent.Trouble, line => line.Contains("SendRejected", StringComparison.Ordinal));
        Assert.Matches("SendRejected [0-9]+", line);

        space.Must("iptables", "-w", "-D", "OUTPUT", "-p", "udp", "--dport", "8472", "-j", "DROP");
        await Ping.UntilAnsweredAsync(topology.LeftPod.Namespace, topology.RightPod.Address);
        Assert.False(node.Agent.HasExited);
    }
}
