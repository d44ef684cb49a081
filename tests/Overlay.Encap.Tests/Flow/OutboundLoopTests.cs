using System.Buffers.Binary;
using Overlay.Encap.Buffers;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Flow;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Tests.Offload;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Flow;

public sealed class OutboundLoopTests
{
    private static readonly uint Ours = Nodes.Address(1, 2);

    [Fact]
    public void Plain_packets_leave_framed_to_their_peers_in_order()
    {
        NodeUnderTest node = new();
        List<byte[]> packets = [.. Enumerable.Range(0, 300).Select(i => Packet.Udp(Ours, Nodes.Address(2 + i % 2, 9), Packet.Payload(i * 7 % 1400, i), 4000 + i % 5))];
        packets.ForEach(packet => node.Tun.Send(packet));
        FlowSnapshot counts = node.TurnOutbound();

        var sent = node.Underlay.TakeSent();
        foreach (var flow in packets.GroupBy(packet => FlowHash.Of(packet)))
        {
            byte[][] expected = [.. flow.Select(packet => Nodes.Frame(1, packet[18], packet))];
            var ofFlow = sent.Where(s => FlowHash.Of(s.Bytes.AsSpan(22)) == flow.Key).ToList();
            Assert.Equal(expected, ofFlow.Select(s => s.Bytes));
            Assert.Single(ofFlow.Select(s => s.How.Lane).Distinct());
            Assert.All(ofFlow, s => Assert.Equal(Nodes.Endpoint(s.Bytes[13]), s.How.Destination));
        }
        Assert.Equal((300L, packets.Sum(p => p.Length + 22L)), (counts.Delivered, counts.DeliveredBytes));
    }

    [Fact]
    public void Packets_of_one_size_leave_in_one_send_and_a_shorter_one_ends_it()
    {
        NodeUnderTest node = new();
        foreach (int size in new[] { 500, 500, 500, 200, 500, 500 }) node.Tun.Send(Packet.Udp(Ours, Nodes.Address(2, 9), Packet.Payload(size)));
        node.TurnOutbound();
        Assert.Equal([4, 2], node.Underlay.TakeSent().GroupBy(s => s.How.Call).Select(call => call.Count()));
    }

    [Fact]
    public void Partial_checksums_are_completed()
    {
        NodeUnderTest node = new();
        byte[] whole = Packet.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(77)), partial = [.. whole];
        Packet.MakePartial(partial);
        node.Tun.Send(partial, new VirtioNetHeader { Flags = 1, ChecksumStart = 20, ChecksumOffset = 16 });
        node.TurnOutbound();
        Assert.Equal([whole], node.TakeSentPackets());
    }

    [Theory]
    [InlineData(62_000, 1398)]
    [InlineData(65_000, 1398)]
    [InlineData(65_000, 500)]
    [InlineData(3_000, 1)]
    [InlineData(100, 9_000)]
    [InlineData(1399, 1398)]
    public void G1_super_packets_leave_as_the_segments_they_stand_for(int length, int gsoSize)
    {
        NodeUnderTest node = new();
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(length), gsoSize, new TcpFields { Flags = Packet.Ack | Packet.Psh, Options = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8] });
        byte[] before = Packet.Tcp(Ours, Nodes.Address(2, 9), [1]), after = Packet.Tcp(Ours, Nodes.Address(2, 9), [2]);   // of the same flow: nothing overtakes
        node.Tun.Send(before);
        node.Tun.Send(super.Bytes, super.Header);
        node.Tun.Send(after);
        FlowSnapshot counts = node.TurnOutbound();
        List<byte[]> sent = node.TakeSentPackets();
        Assert.Equal([before, .. super.Segments(), after], sent);
        Assert.Equal(sent.Count, counts.Delivered);
    }

    [Fact]
    public void A_62000_byte_super_packet_is_one_send()
    {
        NodeUnderTest node = new();
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(61_400), 1398);
        node.Tun.Send(super.Bytes, super.Header);
        node.TurnOutbound();
        Assert.Equal(1, node.Underlay.Calls);
        Assert.Equal(44, node.Underlay.SentCount);
    }

    [Fact]
    public void The_end_of_a_super_packet_leaves_with_the_beginning_of_the_next()
    {
        NodeUnderTest node = new();
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(45 * 1398), 1398);
        for (int i = 0; i < 3; i++) node.Tun.Send(super.Bytes, super.Header);
        node.TurnOutbound();
        var sent = node.Underlay.TakeSent();
        int full = SendBatch.MaxBytes / sent[0].Bytes.Length;
        Assert.Equal([full, full, full, 3 * 45 - 3 * full], sent.GroupBy(s => s.How.Call).Select(call => call.Count()));
        Assert.Equal([.. super.Segments(), .. super.Segments(), .. super.Segments()], sent.Select(s => s.Bytes[Overhead.Encapsulation..]));
    }

    [Fact]
    public void A_small_packet_does_not_wait_for_the_super_packet_behind_it()
    {
        NodeUnderTest node = new(options: new DataPlaneOptions { Lanes = 8 });
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(62_000), 1398);
        for (int port = 1; port <= 8; port++)
        {
            node.Tun.Send(Packet.Udp(Ours, Nodes.Address(2, 9), [1], port));
            node.Tun.Send(super.Bytes, super.Header);
            node.TurnOutbound();
            var sent = node.Underlay.TakeSent();
            Assert.Equal(Overhead.Encapsulation + 29, sent[0].Bytes.Length);
        }
    }

    [Fact]
    public void F2_the_outer_ecn_bits_are_the_inner_ones_and_the_dscp_is_zero()
    {
        NodeUnderTest node = new();
        for (int tos = 0; tos < 256; tos++) node.Tun.Send(Packet.Udp(Ours, Nodes.Address(2, 9), Packet.Payload(9), ip: new IPv4Fields { Tos = (byte)tos }));
        node.TurnOutbound();
        var sent = node.Underlay.TakeSent();
        Assert.Equal(256, sent.Count);
        Assert.All(sent, s => Assert.Equal(s.Bytes[23] & 3, s.How.Tos));
    }

    [Fact]
    public void F4_ce_is_on_every_segment_and_cwr_on_the_first_only()
    {
        NodeUnderTest node = new();
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(5000), 1000,
            new TcpFields { Flags = Packet.Ack | Packet.Cwr | Packet.Ece | Packet.Fin | Packet.Psh }, new IPv4Fields { Tos = 3 });
        node.Tun.Send(super.Bytes, super.Header with { GsoType = VirtioNetHeader.GsoTcp4 | VirtioNetHeader.GsoEcn });
        node.TurnOutbound();
        var sent = node.Underlay.TakeSent();
        Assert.Equal(5, sent.Count);
        Assert.All(sent, s => Assert.Equal((3, 3), (s.How.Tos, s.Bytes[23])));
        int[] flags = [.. sent.Select(s => (int)s.Bytes[22 + 33])];
        Assert.Equal([0xD0, 0x50, 0x50, 0x50, 0x59], flags);
    }

    [Fact]
    public void E11_a_peer_that_leaves_while_its_packet_is_queued_never_gets_anothers()
    {
        NodeUnderTest node = new();
        node.Tun.Send(Packet.Udp(Ours, Nodes.Address(2, 9), [1]));
        node.Tun.Send(Packet.Udp(Ours, Nodes.Address(2, 9), [2]));
        int reads = 0;
        node.Tun.OnRead = () =>
        {
            // Behind the first read, before the send: the slot of node 2 goes to node 4.
            if (++reads == 2) node.Table.Publish(new ForwardingTable(Nodes.Local(1), [Nodes.Remote(4), Nodes.Remote(3)]));
        };
        node.TurnOutbound();
        Assert.All(node.Underlay.TakeSent(), sent => Assert.Equal((Nodes.Endpoint(2), Nodes.Mac(2).Value), (sent.How.Destination, MacOf(sent.Bytes))));

        node.Tun.Send(Packet.Udp(Ours, Nodes.Address(2, 9), [3]));
        Assert.Equal([(DropReason.NoRoute, 1L)], node.TurnOutbound().DropsByReason);
    }

    [Fact]
    public void A_read_shorter_than_its_header_is_dropped()
    {
        NodeUnderTest node = new();
        node.Tun.Send(Packet.Udp(Ours, Nodes.Address(2, 9), Packet.Payload(100)));
        node.TurnOutbound();
        node.Tun.SendRaw([0, 0, 0, 0, 0]);
        node.Tun.SendRaw(new byte[VirtioNetHeader.Size]);
        Assert.Equal([(DropReason.IpLength, 2L)], node.TurnOutbound().DropsByReason);
    }

    [Fact]
    public void A_device_that_is_gone_ends_the_loop()
    {
        NodeUnderTest node = new();
        node.Tun.Break(77);
        Assert.Equal(new IoResult(IoStatus.Fatal, 0, 77), node.Outbound.Run());
    }

    [Fact]
    public void Without_segmented_sends_every_datagram_is_a_call_of_its_own()
    {
        NodeUnderTest node = new(options: new DataPlaneOptions { SegmentsSends = false });
        SuperPacket super = SuperPacket.Tcp(Ours, Nodes.Address(2, 9), Packet.Payload(10_000), 1000);
        node.Tun.Send(super.Bytes, super.Header);
        for (int i = 0; i < 5; i++) node.Tun.Send(Packet.Udp(Ours, Nodes.Address(2, 9), Packet.Payload(100)));
        node.TurnOutbound();
        Assert.Equal((15L, 15L), (node.Underlay.Calls, node.Underlay.SentCount));
        Assert.Equal(super.Segments(), node.TakeSentPackets().Where(packet => new IPv4View(packet).Protocol == IPv4View.Tcp));
    }

    private static ulong MacOf(byte[] datagram) => BinaryPrimitives.ReadUInt64BigEndian(datagram.AsSpan(6)) & 0xFFFF_FFFF_FFFF;
}
