using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Matrix;

/// <summary>Packets at the edge of the overlay's MTU.</summary>
public sealed class MtuTests(MatrixTopologies topologies) : IClassFixture<MatrixTopologies>
{
    private const int Mtu = 1450;

    public static TheoryData<NodeKind, NodeKind, UnderlayProfile> All => MatrixTopologies.All;

    [Theory, MemberData(nameof(All))]
    public async Task H1_packets_of_the_full_mtu_pass_with_df(NodeKind left, NodeKind right, UnderlayProfile profile)
    {
        TwoNodeTopology topology = await topologies.GetAsync(left, right, profile);
        foreach ((Pod from, Pod to) in new[] { (topology.LeftPod, topology.RightPod), (topology.RightPod, topology.LeftPod) })
        {
            Assert.Equal(Mtu, from.Host == topology.Left.Host ? topology.Left.File.Mtu : topology.Right.File.Mtu);
            (bool answered, string output) = Ping.Once(from.Namespace, to.Address, Mtu, mayFragment: false);
            Assert.True(answered, output);
        }
    }

    // The pod's own link is wider here, as with a Docker that was not given FLANNEL_MTU: it is the node that must object.
    [Theory, MemberData(nameof(All))]
    public async Task H1_longer_packets_are_refused_with_df_and_fragmented_without(NodeKind left, NodeKind right, UnderlayProfile profile)
    {
        TwoNodeTopology topology = await topologies.GetAsync(left, right, profile);
        foreach ((IOverlayNode node, Pod to) in new[] { (topology.Left, topology.RightPod), (topology.Right, topology.LeftPod) })
        {
            int number = 10 + (int)profile;   // a pod of its own: one that has learnt the path's MTU would not ask again
            Pod wide = Pod.Create(topology.Underlay, node.Host, node.File, number, mtu: 1500);

            (bool refused, string output) = Ping.Once(wide.Namespace, to.Address, Mtu + 1, mayFragment: false);
            Assert.False(refused, output);
            Assert.Contains($"mtu = {Mtu}", output, StringComparison.Ordinal);
            (bool answered, output) = Ping.Once(wide.Namespace, to.Address, Mtu + 1, mayFragment: true);
            Assert.True(answered, output);
        }
    }
}
