using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Changes;

/// <summary>Network cards whose offloads are switched while traffic flows.</summary>
public sealed class OffloadTests
{
    [Theory]
    [InlineData(NodeKind.Ours)]
    [InlineData(NodeKind.Kernel)]
    public async Task G10_offloads_switched_under_traffic_cost_no_byte(NodeKind peer)
    {
        await using TwoNodeTopology topology = await TwoNodeTopology.StartAsync(NodeKind.Ours, peer);
        Task transfer = Task.Run(() => TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, 192 << 20, 64 * 1024), TestContext.Current.CancellationToken);

        int switched = 0;
        while (!transfer.IsCompleted)
        {
            topology.SetProfile((UnderlayProfile)(switched++ % 3));
            // All of them at once, and the agent's own probe of UDP_SEGMENT at start proved wrong by it.
            topology.Left.Host.Namespace.Must("ethtool", "-K", "eth0", "tx", switched % 2 == 0 ? "on" : "off");
        }

        await transfer;
        Assert.InRange(switched, 3, int.MaxValue);
    }
}
