using Overlay.Encap.Buffers;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Tests.Codec;
using Overlay.Encap.Tests.Offload;
using Overlay.Encap.Tests.Wire;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Flow;

public sealed class InboundLoopTests
{
    private static readonly uint Ours = Judged.Ours, Theirs = Judged.Theirs;

    // Several datagrams as UDP_GRO hands them over.
    private static void InjectJoined(NodeUnderTest node, int from, int segmentSize, params byte[][] datagrams)
    {
        byte[] all = [.. datagrams.SelectMany(d => d)];
        node.Underlay.Inject(all, new Datagram(all.Length, segmentSize, Nodes.Endpoint(from), 0, false));
    }

    [Fact]
    public void A11_a_truncated_buffer_is_dropped_whole()
    {
        NodeUnderTest node = new();
        byte[] one = Judged.Good();
        byte[] all = [.. one, .. one, .. one];
        node.Underlay.Inject(all, new Datagram(all.Length, one.Length, Nodes.Endpoint(2), 0, true));
        Assert.Equal([(DropReason.Truncated, 3L)], node.TurnInbound().DropsByReason);
        Assert.Empty(node.TakeWrittenPackets());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(1_000_000)]
    [InlineData(int.MaxValue)]
    public void A12_any_segment_size_splits_or_drops(int segmentSize)
    {
        NodeUnderTest node = new();
        byte[] one = Judged.Good();   // 82 bytes
        byte[] all = [.. one, .. one, .. one, .. one[..5]];
        node.Underlay.Inject(all, new Datagram(all.Length, segmentSize, Nodes.Endpoint(2), 0, false));
        long pieces = segmentSize > all.Length ? 1 : (all.Length + segmentSize - 1) / segmentSize;
        FlowSnapshot counts = node.TurnInbound();
        Assert.Equal((pieces, segmentSize >= one.Length ? 1 : 0), (counts.Received, counts.Delivered));   // what lies behind the first packet is padding
    }

    [Fact]
    public void A12_a_short_last_segment_is_a_datagram_of_its_own()
    {
        NodeUnderTest node = new();
        byte[] first = Judged.Good(32), last = Judged.Good(9);
        InjectJoined(node, 2, first.Length, first, first, last);
        Assert.Equal(3, node.TurnInbound().Delivered);
        InjectJoined(node, 2, first.Length, first, first, last[..5]);
        Assert.Equal([(DropReason.ShortOuter, 1L)], node.TurnInbound().DropsByReason);
    }

    [Fact]
    public void A12_a_buffer_of_no_bytes_is_one_short_datagram()
    {
        NodeUnderTest node = new();
        node.Underlay.Inject([], Nodes.Endpoint(2));
        Assert.Equal([(DropReason.ShortOuter, 1L)], node.TurnInbound().DropsByReason);
    }

    [Fact]
    public void A13_one_bad_segment_costs_only_itself()
    {
        for (int bad = 0; bad < 8; bad++)
        {
            NodeUnderTest node = new();
            SuperPacket super = SuperPacket.Tcp(Theirs, Ours, Packet.Payload(8 * 500), 500);
            byte[][] frames = [.. super.Segments().Select(s => Nodes.Frame(2, 1, s))];
            frames[bad][6] = 99;   // another VNI
            InjectJoined(node, 2, frames[0].Length, frames);
            FlowSnapshot counts = node.TurnInbound();
            Assert.Equal([(DropReason.WrongVni, 1L)], counts.DropsByReason);
            Assert.Equal(7, counts.Delivered);
            byte[][] got = [.. node.Tun.TakeWritten().SelectMany(w => w.Header.GsoType == 0 ? [w.Packet] : SegmenterTests.Cut(new SuperPacket(w.Packet, w.Header, () => [])))];
            // The identification restarts behind the gap where a run is cut again; with DF it means nothing (RFC 6864).
            Assert.Equal(super.Segments().Where((_, i) => i != bad), got);
        }
    }

    [Fact]
    public void A14_A15_the_same_packet_again_and_again_is_accepted()
    {
        NodeUnderTest node = new();
        for (int i = 0; i < 10_000; i++) node.Underlay.Inject(Judged.Good(), Nodes.Endpoint(2));
        Assert.Equal(10_000, node.TurnInbound().Delivered);
    }

    [Fact]
    public void G8_each_buffer_of_a_batch_is_judged_by_its_own_sender()
    {
        NodeUnderTest node = new();
        byte[] from2 = Judged.Good(), from3 = Nodes.Frame(3, 1, Packet.Udp(Nodes.Address(3, 2), Ours, Packet.Payload(32)));
        InjectJoined(node, 2, from2.Length, from2, from3);   // 3's packet from 2's address
        InjectJoined(node, 3, from3.Length, from3, from2);
        InjectJoined(node, 9, from3.Length, from3, from2);
        FlowSnapshot counts = node.TurnInbound();
        Assert.Equal([(DropReason.UnknownVtep, 2L), (DropReason.SpoofPeer, 2L)], counts.DropsByReason);
        Assert.Equal([from2[22..], from3[22..]], node.TakeWrittenPackets());
    }

    [Theory]
    [MemberData(nameof(EcnTests.Pairs), MemberType = typeof(EcnTests))]
    public void F1_the_mark_is_carried_over_and_the_checksum_with_it(int inner, int outer, int expected, bool odd)
    {
        NodeUnderTest node = new();
        for (int id = 0; id < 300; id++)
        {
            byte[] packet = Packet.Ping(Theirs, Ours, ip: new IPv4Fields { Tos = (byte)(0xB8 | inner), Id = (ushort)(id * 219) });
            node.Underlay.Inject(Nodes.Frame(2, 1, packet), Nodes.Endpoint(2), (byte)(0x50 | outer));
        }
        FlowSnapshot counts = node.TurnInbound();
        Assert.Equal(odd ? 300 : 0, counts.EcnOdd);
        Assert.Equal(expected < 0 ? [(DropReason.Ecn, 300L)] : [], counts.DropsByReason);
        List<byte[]> written = node.TakeWrittenPackets();
        Assert.Equal(expected < 0 ? 0 : 300, written.Count);
        Assert.All(written, packet => Assert.Equal((0xB8 | expected, true), (packet[1], Packet.HasValidHeader(packet))));
    }

    [Fact]
    public void F3_without_an_outer_tos_nothing_changes()
    {
        NodeUnderTest node = new();
        byte[] packet = Packet.Ping(Theirs, Ours, ip: new IPv4Fields { Tos = 3 });
        node.Underlay.Inject(Nodes.Frame(2, 1, packet), Nodes.Endpoint(2), tos: 0);
        node.TurnInbound();
        Assert.Equal([packet], node.TakeWrittenPackets());
    }

    [Fact]
    public void D3_a_wrong_header_checksum_stays_wrong_through_a_congestion_mark()
    {
        NodeUnderTest node = new();
        byte[] packet = Packet.Tcp(Theirs, Ours, Packet.Payload(100), ip: new IPv4Fields { Tos = 2 });
        packet[8] = 17;   // the TTL, damaged on the way
        node.Underlay.Inject(Nodes.Frame(2, 1, packet), Nodes.Endpoint(2), tos: 3);
        node.Underlay.Inject(Nodes.Frame(2, 1, packet), Nodes.Endpoint(2), tos: 3);
        node.TurnInbound();
        var written = node.Tun.TakeWritten();
        Assert.Equal(2, written.Count);
        Assert.All(written, w => Assert.Equal((default, false, 3), (w.Header, Packet.HasValidHeader(w.Packet), w.Packet[1])));
    }

    [Fact]
    public void N8_padding_never_reaches_the_device()
    {
        NodeUnderTest node = new();
        byte[] packet = Packet.Udp(Theirs, Ours, [1, 2]);
        node.Underlay.Inject([.. Nodes.Frame(2, 1, packet), .. new byte[16]], Nodes.Endpoint(2));
        node.TurnInbound();
        Assert.Equal([packet], node.TakeWrittenPackets());
    }

    [Fact]
    public void N2_a_foreign_mac_is_counted_where_it_passes()
    {
        NodeUnderTest node = new(check: SourceCheck.AntiSpoof);
        node.Underlay.Inject(Nodes.Frame(3, 1, Packet.Udp(Theirs, Ours, [1])), Nodes.Endpoint(2));
        FlowSnapshot counts = node.TurnInbound();
        Assert.Equal((1L, 1L), (counts.Delivered, counts.ForeignMac));
    }

    [Fact]
    public void A_refused_write_costs_only_its_own_packets()
    {
        NodeUnderTest node = new();
        int writes = 0;
        node.Tun.OnWrite = _ => ++writes == 2 ? new IoResult(IoStatus.Rejected, 0, 12) : default;
        for (int i = 0; i < 4; i++) node.Underlay.Inject(Nodes.Frame(2, 1, Packet.Ping(Theirs, Ours, i)), Nodes.Endpoint(2));
        FlowSnapshot counts = node.TurnInbound();
        Assert.Equal([(DropReason.TunRejected, 1L)], counts.DropsByReason);
        Assert.Equal(3, counts.Delivered);
    }

    [Fact]
    public void A_device_or_socket_that_is_gone_ends_the_loop()
    {
        NodeUnderTest node = new();
        node.Tun.OnWrite = _ => new IoResult(IoStatus.Fatal, 0, 77);
        node.Underlay.Inject(Judged.Good(), Nodes.Endpoint(2));
        Assert.Equal(new IoResult(IoStatus.Fatal, 0, 77), node.Inbound.Run());
        node = new();
        node.Underlay.ReceiveFault = new IoResult(IoStatus.Fatal, 0, 9);
        node.Underlay.Inject(Judged.Good(), Nodes.Endpoint(2));
        Assert.Equal(new IoResult(IoStatus.Fatal, 0, 9), node.Inbound.Run());
    }

    [Fact]
    public void A_turn_without_anything_to_receive_is_no_fault()
    {
        NodeUnderTest node = new();
        Assert.Equal(IoResult.Done(0), node.Inbound.Turn());
        Assert.Equal(IoResult.Done(0), node.Outbound.Turn());
        node.Underlay.ReceiveFault = new IoResult(IoStatus.Rejected, 0, 111);
        Assert.Equal(IoResult.Done(0), node.Inbound.Turn());
    }

    [Fact]
    public void G12_an_inner_udp_super_packet_in_one_piece_keeps_the_size_of_its_datagrams()
    {
        NodeUnderTest node = new();
        byte[] packet = Packet.Udp(Nodes.Address(2, 2), Nodes.Address(1, 2), Packet.Payload(30_000));
        Packet.MakePartial(packet);
        byte[] frame = Nodes.Frame(2, 1, packet);
        // As the kernel reports it: the segment size is that of the inner datagrams, though there is one outer datagram only.
        node.Underlay.Inject(frame, new Datagram(frame.Length, 1200, Nodes.Endpoint(2), 0, false));
        Assert.Equal(1, node.TurnInbound().Delivered);
        var (header, written) = Assert.Single(node.Tun.TakeWritten());
        Assert.Equal(packet, written);
        Assert.Equal(new VirtioNetHeader { Flags = 1, GsoType = VirtioNetHeader.GsoUdpL4, HeaderLength = 28, GsoSize = 1200, ChecksumStart = 20, ChecksumOffset = 6 }, header);
    }

    [Fact]
    public void G7_a_device_that_refuses_super_packets_loses_nothing()
    {
        NodeUnderTest node = new();
        node.Tun.OnWrite = header => header.GsoType == VirtioNetHeader.GsoNone ? IoResult.Done(0) : new IoResult(IoStatus.Unsupported, 0, 22);
        byte[][] packets = [.. Enumerable.Range(0, 20).Select(i => Packet.Tcp(Nodes.Address(2, 2), Nodes.Address(1, 2), Packet.Payload(1000, i), new TcpFields { Sequence = (uint)i * 1000 }))];
        foreach (byte[] packet in packets) node.Underlay.Inject(Nodes.Frame(2, 1, packet), Nodes.Endpoint(2));
        var counts = node.TurnInbound();
        Assert.Equal((20, 0, 1), (counts.Delivered, counts.Dropped, counts.JoinFallbacks));
        Assert.Equal(packets, node.TakeWrittenPackets());
    }
}
