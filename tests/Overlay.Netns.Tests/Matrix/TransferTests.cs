using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Matrix;

/// <summary>
/// Every transfer between any two of {ours, kernel VXLAN} arrives intact, in both directions, with small and large writes, on every
/// underlay. From a kernel peer this takes FAULTS G11 (its inner checksums are not completed, on all three) and G12 (whole TCP
/// super-packets in one datagram, on the full profile).
/// </summary>
public sealed class TransferTests(MatrixTopologies topologies) : IClassFixture<MatrixTopologies>
{
    private const int Small = 64, Large = 64 * 1024;

    public static TheoryData<NodeKind, NodeKind, UnderlayProfile> All => MatrixTopologies.All;

    [Theory, MemberData(nameof(All))]
    public async Task G11_G12_tcp_arrives_intact(NodeKind left, NodeKind right, UnderlayProfile profile)
    {
        TwoNodeTopology topology = await topologies.GetAsync(left, right, profile);

        await TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, 16 << 20, Large);
        await TcpTransfer.RunAsync(topology.RightPod, topology.LeftPod, 16 << 20, Large);
        await TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, 1 << 20, Small);
        await TcpTransfer.RunAsync(topology.RightPod, topology.LeftPod, 1 << 20, Small);
    }

    // 64: small; 1422: exactly a packet of the overlay's MTU; 1423: one more byte, two fragments; 8000: six of them; 65507: as much as
    // a datagram can hold, 47 of them.
    [Theory, MemberData(nameof(All))]
    public async Task D8_udp_datagrams_arrive_intact_whole_or_in_fragments(NodeKind left, NodeKind right, UnderlayProfile profile)
    {
        TwoNodeTopology topology = await topologies.GetAsync(left, right, profile);
        foreach ((Pod from, Pod to) in new[] { (topology.LeftPod, topology.RightPod), (topology.RightPod, topology.LeftPod) })
        {
            foreach (int size in new[] { Small, 1422, 1423, 8000 }) await UdpTransfer.RunAsync(from, to, size, 640);
            await UdpTransfer.RunAsync(from, to, 65_507, 32);
        }
    }

    [Theory, MemberData(nameof(All))]
    public async Task G4_udp_super_packets_arrive_as_their_datagrams(NodeKind left, NodeKind right, UnderlayProfile profile)
    {
        TwoNodeTopology topology = await topologies.GetAsync(left, right, profile);
        foreach ((Pod from, Pod to) in new[] { (topology.LeftPod, topology.RightPod), (topology.RightPod, topology.LeftPod) })
        {
            foreach (int size in new[] { Small, 1200, 1422 }) await UdpTransfer.RunAsync(from, to, size, 640, segmented: true);
        }
    }
}
