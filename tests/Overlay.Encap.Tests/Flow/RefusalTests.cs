using System.Diagnostics;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Flow;
using Overlay.Encap.Tests.Offload;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Flow;

/// <summary>What the kernel may answer a send with, and what it may cost.</summary>
public sealed class RefusalTests
{
    private static readonly uint Ours = Nodes.Address(1, 2);

    private static byte[] To(int peer, int size = 100, int seed = 1) => Packet.Udp(Ours, Nodes.Address(peer, 9), Packet.Payload(size, seed));

    [Fact]
    public void G5_a_refused_segmentation_loses_nothing_and_is_not_tried_again()
    {
        NodeUnderTest node = new(options: new DataPlaneOptions { Lanes = 1 });
        int asked = 0;
        node.Underlay.OnSend = (train, whole) =>
        {
            if (train.Destination != Nodes.Endpoint(2) || !whole || train.Segments == 1) return default;
            asked++;
            return new IoResult(IoStatus.Unsupported, 0, 5);
        };
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(20_000), 1398);
        SuperPacket udp = SuperPacket.Udp(Ours, Nodes.Address(2, 9), Packet.Payload(9_999), 1000);
        SuperPacket other = SuperPacket.Tcp(Ours, Nodes.Address(3, 9), Packet.Payload(20_000), 1398);
        foreach (SuperPacket each in new[] { super, udp, super, other }) node.Tun.Send(each.Bytes, each.Header);
        byte[][] plain = [To(2), To(2), To(2, 50)];
        foreach (byte[] packet in plain) node.Tun.Send(packet);

        FlowSnapshot counts = node.TurnOutbound();
        Assert.Equal([.. super.Segments(), .. udp.Segments(), .. super.Segments(), .. other.Segments(), .. plain], node.TakeSentPackets());
        Assert.Equal((0L, 1L, 1), (counts.Dropped, counts.SegmentFallbacks, asked));
    }

    [Fact]
    public void G5_a_new_table_gives_segmentation_another_try()
    {
        NodeUnderTest node = new();
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(20_000), 1398);
        node.Underlay.OnSend = (train, whole) => whole && train.Segments > 1 ? new IoResult(IoStatus.Unsupported, 0, 22) : default;
        node.Tun.Send(super.Bytes, super.Header);
        node.TurnOutbound();
        node.Underlay.OnSend = null;
        node.Table.Publish(Nodes.Table(1));
        long calls = node.Underlay.Calls;
        node.Tun.Send(super.Bytes, super.Header);
        node.TurnOutbound();
        Assert.Equal(calls + 1, node.Underlay.Calls);
    }

    [Theory]
    [InlineData(IoStatus.Rejected, DropReason.SendRejected)]
    [InlineData(IoStatus.Unsupported, DropReason.SendRejected)]
    [InlineData(IoStatus.TooBig, DropReason.TooBig)]
    [InlineData(IoStatus.WouldBlock, DropReason.TxFull)]
    public void K6_K7_R17_a_bad_destination_costs_only_its_own_packets(IoStatus status, DropReason reason)
    {
        NodeUnderTest node = new(nodes: 9);
        node.Underlay.IsWritable = false;
        node.Underlay.OnSend = (train, _) => train.Destination == Nodes.Endpoint(5) ? new IoResult(status, 0, 1) : default;
        for (int i = 0; i < 60; i++) node.Tun.Send(To(2 + i % 8, 100 + i, i));
        SuperPacket bad = SuperPacket.Tcp(Ours, Nodes.Address(5, 9), Packet.Payload(3_000), 1000), good = SuperPacket.Tcp(Ours, Nodes.Address(6, 9), Packet.Payload(3_000), 1000);
        node.Tun.Send(bad.Bytes, bad.Header);
        node.Tun.Send(good.Bytes, good.Header);
        FlowSnapshot counts = node.TurnOutbound();
        Assert.Equal([(reason, 8L + 3)], counts.DropsByReason);
        Assert.Equal(52 + 3, counts.Delivered);
        Assert.DoesNotContain(node.Underlay.TakeSent(), sent => sent.How.Destination == Nodes.Endpoint(5));
    }

    [Fact]
    public void K6_a_full_socket_that_empties_in_time_loses_nothing()
    {
        NodeUnderTest node = new();
        int calls = 0;
        node.Underlay.OnSend = (_, _) => ++calls % 3 == 0 ? default : new IoResult(IoStatus.WouldBlock, 0, 11);
        for (int i = 0; i < 20; i++) node.Tun.Send(To(2 + i % 2, 100 + i, i));
        Assert.Equal(20, node.TurnOutbound().Delivered);
        Assert.Equal(20, node.TakeSentPackets().Count);
    }

    [Fact]
    public void K7_a_socket_that_is_gone_ends_the_loop()
    {
        NodeUnderTest node = new();
        node.Underlay.OnSend = (_, _) => new IoResult(IoStatus.Fatal, 0, 9);
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(3, 9), Packet.Payload(60_000), 500);   // two batches
        node.Tun.Send(To(2));
        node.Tun.Send(super.Bytes, super.Header);
        Assert.Equal(new IoResult(IoStatus.Fatal, 0, 9), node.Outbound.Turn());
        // What was read is accounted for all the same, however far it came.
        FlowSnapshot counts = node.TurnOutbound();
        Assert.Equal([(DropReason.SendRejected, counts.Received)], counts.DropsByReason);
    }

    [Fact]
    public void K7_a_socket_that_goes_amid_a_super_packet_leaves_no_packet_uncounted()
    {
        NodeUnderTest node = new();
        int calls = 0;
        node.Underlay.OnSend = (_, _) => ++calls > 1 ? new IoResult(IoStatus.Fatal, 0, 9) : default;
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(60_000), 300);   // 200 segments: four trains
        node.Tun.Send(super.Bytes, super.Header);
        Assert.Equal(IoStatus.Fatal, node.Outbound.Turn().Status);
        FlowSnapshot counts = node.TurnOutbound();
        Assert.Equal((200L, 64L), (counts.Received, counts.Delivered));
    }

    [Fact]
    public void G5_a_peer_whose_single_packets_are_refused_as_well_is_not_taken_for_one_without_segmentation()
    {
        NodeUnderTest node = new();
        node.Underlay.OnSend = (_, _) => new IoResult(IoStatus.Unsupported, 0, 5);
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(20_000), 1398);
        node.Tun.Send(super.Bytes, super.Header);
        Assert.Equal(15, node.TurnOutbound().Dropped);
        node.Underlay.OnSend = null;
        node.Tun.Send(super.Bytes, super.Header);
        node.TurnOutbound();
        Assert.Equal(1, node.Underlay.Calls);
    }

    [Fact]
    public void H6_a_packet_too_long_for_its_path_is_answered_with_what_fits()
    {
        NodeUnderTest node = new();
        node.Underlay.PathMtus[Nodes.Endpoint(2)] = 1400;
        byte[] fits = To(2, 1350 - 28), tooLong = To(2, 1351 - 28);
        node.Tun.Send(fits);
        node.Tun.Send(tooLong);
        node.Tun.Send(To(3, 1400));
        FlowSnapshot counts = node.TurnOutbound();
        Assert.Equal([(DropReason.TooBig, 1L)], counts.DropsByReason);
        Assert.Equal(1, counts.IcmpSent);
        byte[] answer = Assert.Single(node.TakeWrittenPackets());
        AssertIcmp(answer, tooLong, code: 4, mtu: 1350);
    }

    [Fact]
    public void H6_a_super_packet_too_long_for_its_path_is_answered_too()
    {
        NodeUnderTest node = new();
        node.Underlay.PathMtus[Nodes.Endpoint(2)] = 1400;
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(5_000), 1398);
        node.Tun.Send(super.Bytes, super.Header);
        FlowSnapshot counts = node.TurnOutbound();
        Assert.Equal([(DropReason.TooBig, 3L)], counts.DropsByReason);
        Assert.Equal([super.Segments()[^1]], node.TakeSentPackets());
        AssertIcmp(node.TakeWrittenPackets()[0], super.Segments()[0], code: 4, mtu: 1350);
    }

    [Theory]
    [InlineData(IoStatus.TooBig, 0)]
    [InlineData(IoStatus.Unsupported, 1)]   // what some kernels say of a train whose segments are too long
    public void H6_a_path_that_became_narrow_is_segmented_again_once_the_packets_fit(IoStatus refusal, long fallbacks)
    {
        NodeUnderTest node = new();
        node.Underlay.OnSend = (train, whole) => whole && train.Segments > 1 && train.SegmentSize > 1372 ? new IoResult(refusal, 0, 22) : default;
        node.Underlay.PathMtus[Nodes.Endpoint(2)] = 1400;
        SuperPacket wide = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(5_000), 1398), narrow = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(5_000), 1310);
        node.Tun.Send(wide.Bytes, wide.Header);
        Assert.Equal(fallbacks, node.TurnOutbound().SegmentFallbacks);
        long calls = node.Underlay.Calls;
        node.Tun.Send(narrow.Bytes, narrow.Header);
        Assert.Equal(fallbacks, node.TurnOutbound().SegmentFallbacks);
        Assert.Equal(calls + 1, node.Underlay.Calls);
    }

    [Fact]
    public void E7_a_packet_to_nobody_is_answered_from_an_address_the_kernel_takes()
    {
        NodeUnderTest node = new();
        byte[] packet = Packet.Tcp(Ours, Nodes.Address(77, 9), [], new TcpFields { Flags = Packet.Syn }, new IPv4Fields { Options = [1, 1, 1, 0] });
        node.Tun.Send(packet);
        Assert.Equal([(DropReason.NoRoute, 1L)], node.TurnOutbound().DropsByReason);
        AssertIcmp(Assert.Single(node.TakeWrittenPackets()), packet, code: 0, mtu: 0);
    }

    [Fact]
    public void E7_errors_are_not_answered_with_errors()
    {
        NodeUnderTest node = new();
        byte[] error = Packet.Ping(Ours, Nodes.Address(77, 9));
        error[20] = 3;
        node.Tun.Send(error);
        node.Tun.Send(Packet.Udp(Ours, Nodes.Address(77, 9), Packet.Payload(8), ip: new IPv4Fields { Fragment = 5 }));
        node.Tun.Send(Packet.IPv4(Ours, Nodes.Address(77, 9), 1, []));
        Assert.Equal((3L, 0L), (node.TurnOutbound().Dropped, node.Outbound.Counters.Snapshot().IcmpSent));
        node.Tun.Send(Packet.Ping(Ours, Nodes.Address(77, 9)));
        node.Tun.Send(Packet.Udp(Ours, Nodes.Address(77, 9), Packet.Payload(8), ip: new IPv4Fields { Fragment = 0x2000 }));
        Assert.Equal(2, node.TurnOutbound().IcmpSent);
    }

    [Fact]
    public void L7_a_flood_to_nobody_is_answered_at_a_bounded_rate()
    {
        long begin = Stopwatch.GetTimestamp();
        NodeUnderTest node = new();
        byte[] packet = Packet.Udp(Ours, Nodes.Address(77, 9), [1]);
        for (int i = 0; i < 5_000; i++) node.Tun.Send(packet);
        FlowSnapshot counts = node.TurnOutbound();
        double most = 101 + 100 * Stopwatch.GetElapsedTime(begin).TotalSeconds;   // what was saved up, and what the time since has earned
        Assert.Equal([(DropReason.NoRoute, 5_000L)], counts.DropsByReason);
        Assert.InRange(counts.IcmpSent, 90, most);
        Assert.Equal(counts.IcmpSent, node.TakeWrittenPackets().Count);
    }

    // The answer comes from the address that was not reached: from one of this host's own, Linux would drop it as a martian.
    private static void AssertIcmp(byte[] answer, byte[] offender, byte code, int mtu)
    {
        int quoted = (offender[0] & 15) * 4 + 8;
        Assert.Equal(28 + quoted, answer.Length);
        Assert.Equal((0x45, 1, answer.Length), (answer[0], answer[9], answer[2] << 8 | answer[3]));
        Assert.True(Packet.HasValidHeader(answer));
        Assert.Equal(0, Packet.Finish(answer.AsSpan(20)));
        Assert.Equal(offender[16..20], answer[12..16]);
        Assert.Equal(offender[12..16], answer[16..20]);
        Assert.Equal((3, code, 0, mtu), (answer[20], answer[21], answer[24] << 8 | answer[25], answer[26] << 8 | answer[27]));
        Assert.Equal(offender[..quoted], answer[28..]);
    }
}
