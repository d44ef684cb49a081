using Overlay.Encap.Buffers;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Tests.Codec;
using Overlay.Encap.Tests.Flow;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Counters;

/// <summary>Every way to lose a packet, lost for real in one of the loops. A reason without an entry here fails.</summary>
public sealed class DropReasonTests
{
    private static readonly uint Ours = Judged.Ours, Theirs = Judged.Theirs;

    private static readonly Dictionary<DropReason, Action<NodeUnderTest>> Ways = new()
    {
        [DropReason.ShortOuter] = node => Arrive(node, [1, 2, 3]),
        [DropReason.ShortInner] = node => Arrive(node, Judged.Good()[..20]),
        [DropReason.UnknownVtep] = node => node.Underlay.Inject(Judged.Good(), Nodes.Endpoint(9)),
        [DropReason.Self] = node => node.Underlay.Inject(Judged.Good(), Nodes.Endpoint(1)),
        [DropReason.Truncated] = node => node.Underlay.Inject(Judged.Good(), new Datagram(Judged.Good().Length, 65_535, Nodes.Endpoint(2), 0, true)),
        [DropReason.BadFlags] = node => Arrive(node, Changed(0, 0)),
        [DropReason.Reserved] = node => Arrive(node, Changed(7, 1)),
        [DropReason.WrongVni] = node => Arrive(node, Changed(6, 9)),
        [DropReason.DstMac] = node => Arrive(node, Changed(13, 9)),
        [DropReason.Loop] = node => Arrive(node, Changed(19, 1)),
        [DropReason.SrcMac] = node => Arrive(node, Changed(19, 9)),
        [DropReason.NotIp] = node => Arrive(node, Changed(21, 6)),
        [DropReason.Vlan] = node => Arrive(node, Changed(20, 0x81)),
        [DropReason.Version] = node => Arrive(node, Changed(22, 0x65)),
        [DropReason.Family] = node => Arrive(node, Packet.Vxlan(Nodes.Mac(1).Value, Nodes.Mac(2).Value, [0x60, 0], etherType: 0x86DD)),
        [DropReason.IpHeader] = node => Arrive(node, Changed(22, 0x44)),
        [DropReason.IpLength] = node => Arrive(node, Changed(25, 19)),
        [DropReason.Martian] = node => Arrive(node, Packet.Udp(0x7F00_0001, Ours, [1]), from: 2),
        [DropReason.MartianDst] = node => Arrive(node, Packet.Udp(Theirs, Nodes.Address(1, 255), [1]), from: 2),
        [DropReason.Ttl] = node => Arrive(node, Changed(30, 0)),
        [DropReason.SpoofPeer] = node => Arrive(node, Packet.Udp(Nodes.Address(3, 2), Ours, [1]), from: 2),
        [DropReason.SpoofSelf] = node => Arrive(node, Packet.Udp(Nodes.Address(1, 3), Ours, [1]), from: 2),
        [DropReason.SpoofUnleased] = node => Arrive(node, Packet.Udp(Nodes.Address(77, 2), Ours, [1]), from: 2),
        [DropReason.SpoofOutside] = node => Arrive(node, Packet.Udp(0x0808_0808, Ours, [1]), from: 2),
        [DropReason.NotOurs] = node => Arrive(node, Packet.Udp(Theirs, Nodes.Address(3, 2), [1]), from: 2),
        [DropReason.Ecn] = node => node.Underlay.Inject(Judged.Good(), Nodes.Endpoint(2), tos: 3),
        [DropReason.TunRejected] = node =>
        {
            node.Tun.OnWrite = _ => new IoResult(IoStatus.Rejected, 0, 12);
            Arrive(node, Judged.Good());
        },
        [DropReason.Gso] = node => node.Tun.Send(Packet.Udp(Ours, Theirs, [1]), new VirtioNetHeader { GsoType = 3, GsoSize = 1 }),
        [DropReason.Csum] = node => node.Tun.Send(Packet.Udp(Ours, Theirs, [1]), new VirtioNetHeader { Flags = 1, ChecksumStart = 20, ChecksumOffset = 60 }),
        [DropReason.NoRoute] = node => node.Tun.Send(Packet.Udp(Ours, Nodes.Address(77, 1), [1])),
        [DropReason.ForeignSource] = node => node.Tun.Send(Packet.Udp(Nodes.Address(3, 1), Theirs, [1])),
        [DropReason.TooBig] = node => Leave(node, IoStatus.TooBig),
        [DropReason.SendRejected] = node => Leave(node, IoStatus.Rejected),
        [DropReason.TxFull] = node =>
        {
            node.Underlay.IsWritable = false;
            Leave(node, IoStatus.WouldBlock);
        },
    };

    public static TheoryData<DropReason> Reasons => [.. Enum.GetValues<DropReason>().Where(reason => reason != DropReason.None)];

    [Theory]
    [MemberData(nameof(Reasons))]
    public void Every_reason_is_produced_and_is_the_only_one_counted(DropReason reason)
    {
        Assert.True(Ways.TryGetValue(reason, out Action<NodeUnderTest>? lose), $"no test loses a packet for {reason}");
        NodeUnderTest node = new();
        lose(node);
        FlowSnapshot both = FlowSnapshot.Sum([node.TurnOutbound(), node.TurnInbound()]);
        Assert.Equal([(reason, 1L)], both.DropsByReason);
        Assert.Equal((1L, 0L, 1L), (both.Received, both.Delivered, both.Dropped));

        // Back to normal by itself.
        (node.Tun.OnWrite, node.Underlay.OnSend, node.Underlay.IsWritable) = (null, null, true);
        node.Tun.TakeWritten();
        Arrive(node, Judged.Good());
        node.Tun.Send(Packet.Udp(Ours, Theirs, [1]));
        Assert.Equal((1L, 1L), (node.TurnOutbound().Delivered, node.TurnInbound().Delivered));
        Assert.Equal([Judged.Good()[22..]], node.TakeWrittenPackets());
    }

    [Fact]
    public void A_snapshot_adds_up_what_several_loops_counted()
    {
        FlowCounters a = new(), b = new();
        a.Receive(3);
        a.Deliver(2, 100);
        a.Drop(DropReason.Ttl);
        a.CountEcnOdd();
        b.Receive(5);
        b.Drop(DropReason.Ttl, 4);
        b.Drop(DropReason.Csum);
        b.CountForeignMac();
        b.CountSegmentFallback();
        b.CountIcmp();
        FlowSnapshot sum = FlowSnapshot.Sum([a.Snapshot(), b.Snapshot()]);
        Assert.Equal((8L, 2L, 100L, 6L), (sum.Received, sum.Delivered, sum.DeliveredBytes, sum.Dropped));
        Assert.Equal((1L, 1L, 1L, 1L), (sum.EcnOdd, sum.ForeignMac, sum.SegmentFallbacks, sum.IcmpSent));
        Assert.Equal([(DropReason.Ttl, 5L), (DropReason.Csum, 1L)], sum.DropsByReason);
    }

    private static byte[] Changed(int at, byte value)
    {
        byte[] datagram = Judged.Good();
        datagram[at] = value;
        return datagram;
    }

    private static void Arrive(NodeUnderTest node, byte[] datagram) => node.Underlay.Inject(datagram, Nodes.Endpoint(2));

    private static void Arrive(NodeUnderTest node, byte[] packet, int from) => node.Underlay.Inject(Nodes.Frame(from, 1, packet), Nodes.Endpoint(from));

    private static void Leave(NodeUnderTest node, IoStatus status)
    {
        node.Underlay.OnSend = (_, _) => new IoResult(status, 0, 1);
        node.Tun.Send(Packet.Udp(Ours, Theirs, [1]));
    }
}
