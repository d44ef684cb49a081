using Overlay.Encap.Buffers;
using Overlay.Encap.Counters;
using Overlay.Encap.Tests.Flow;
using Overlay.Encap.Tests.Offload;
using Overlay.Encap.Tests.Wire;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Volume;

/// <summary>FAULTS S4 where packets are many in one: all 16 pairs inbound, joined or in one piece, and all 4 values outbound, segmented.</summary>
public sealed class CongestionTests
{
    private static readonly uint Ours = Nodes.Address(1, 2), Theirs = Nodes.Address(2, 2);

    public static TheoryData<int, int, int, bool> Pairs() => EcnTests.Pairs();

    [Theory]
    [MemberData(nameof(Pairs))]
    public void S4_every_pair_is_kept_through_joining(int inner, int outer, int expected, bool odd)
    {
        NodeUnderTest node = new();
        List<byte[]> segments = SuperPacket.Tcp(Theirs, Ours, Packet.Payload(8_000), 1_000, ip: new IPv4Fields { Tos = (byte)(0xB8 | inner) }).Segments();
        byte[] frames = [.. segments.SelectMany(segment => Nodes.Frame(2, 1, segment))];
        node.Underlay.Inject(frames, new Datagram(frames.Length, frames.Length / segments.Count, Nodes.Endpoint(2), (byte)outer, false));
        FlowSnapshot counts = node.TurnInbound();
        Assert.Equal(odd ? 8 : 0, counts.EcnOdd);
        var written = node.Tun.TakeWritten();
        if (expected == Ecn.Drop)
        {
            Assert.Empty(written);
            Assert.Equal([(DropReason.Ecn, 8L)], counts.DropsByReason);
            return;
        }
        Assert.Equal(8, counts.Delivered);
        (VirtioNetHeader header, byte[] packet) = Assert.Single(written); // joined, and marked as each was
        Assert.Equal((1_000, 0xB8 | expected, true), (header.GsoSize, packet[1], Packet.HasValidHeader(packet)));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void S4_every_pair_is_kept_by_a_super_packet_in_one_piece(int inner, int outer, int expected, bool odd)
    {
        NodeUnderTest node = new();
        byte[] super = SuperPacket.Tcp(Theirs, Ours, Packet.Payload(8_000), 1_000, ip: new IPv4Fields { Tos = (byte)inner }).Bytes;
        node.Underlay.Inject(Nodes.Frame(2, 1, super), Nodes.Endpoint(2), (byte)outer);
        FlowSnapshot counts = node.TurnInbound();
        Assert.Equal(odd ? 1 : 0, counts.EcnOdd);
        List<byte[]> written = node.TakeWrittenPackets();
        if (expected == Ecn.Drop) Assert.Empty(written);
        else Assert.Equal((expected, true), (Assert.Single(written)[1], Packet.HasValidHeader(written[0])));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void S4_every_value_is_on_each_segment_and_each_outer_header(int inner)
    {
        foreach (bool tcp in new[] { true, false })
        {
            NodeUnderTest node = new();
            IPv4Fields ip = new() { Tos = (byte)(0xB8 | inner) };
            SuperPacket super = tcp ? SuperPacket.Tcp(Ours, Theirs, Packet.Payload(8_000), 1_000, ip: ip) : SuperPacket.Udp(Ours, Theirs, Packet.Payload(8_000), 1_000, ip: ip);
            node.Tun.Send(super.Bytes, super.Header);
            node.TurnOutbound();
            var sent = node.Underlay.TakeSent();
            Assert.Equal(8, sent.Count);
            Assert.All(sent, one => Assert.Equal((inner, 0xB8 | inner, true), (one.How.Tos, one.Bytes[23], Packet.HasValidHeader(one.Bytes.AsSpan(22)))));
        }
    }
}
