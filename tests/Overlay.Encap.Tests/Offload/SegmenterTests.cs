using CsCheck;
using Overlay.Encap.Counters;
using Overlay.Encap.Offload;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Offload;

public sealed class SegmenterTests
{
    private static readonly uint A = Nodes.Address(1, 2), B = Nodes.Address(2, 2);

    [Theory]
    [InlineData(65_495, 1398)]
    [InlineData(65_495, 65_535)]
    [InlineData(2797, 1398)]
    [InlineData(1398, 1398)]
    [InlineData(1399, 1398)]
    [InlineData(500, 1)]
    [InlineData(1, 1)]
    public void G1_tcp_with_every_kind_of_tail(int length, int gsoSize) =>
        AssertCut(SuperPacket.Tcp(A, B, Packet.Payload(length), gsoSize, new TcpFields { Flags = 0xFF, Sequence = uint.MaxValue - 700 }, new IPv4Fields { Id = 0xFFFE }));

    [Theory]
    [InlineData(65_507, 1422)]
    [InlineData(1423, 1422)]
    [InlineData(64, 1)]
    public void G4_udp_with_every_kind_of_tail(int length, int gsoSize) => AssertCut(SuperPacket.Udp(A, B, Packet.Payload(length), gsoSize));

    [Fact]
    public void G3_a_udp_segment_whose_sum_is_zero_is_sent_as_all_ones()
    {
        for (int word = 0; word <= 0xFFFF; word++)
        {
            SuperPacket super = SuperPacket.Udp(A, B, [(byte)(word >> 8), (byte)word, 1, 2], 2);
            if (super.Segments()[0].AsSpan(26, 2).SequenceEqual(new byte[] { 0xFF, 0xFF }))
            {
                AssertCut(super);
                return;
            }
        }
        Assert.Fail("no such payload");
    }

    [Fact]
    public void G1_any_geometry_options_and_flags() =>
        Gen.Select(Gen.Int[1, 4000], Gen.Int[1, 2000], Gen.Int[0, 10], Gen.Int[0, 10], Gen.Byte, Gen.UInt, Gen.UShort, Gen.Byte).Sample(
            (length, gsoSize, ipOptions, tcpOptions, flags, sequence, id, tos) => AssertCut(SuperPacket.Tcp(A, B, Packet.Payload(length, (int)sequence), gsoSize,
                new TcpFields { Flags = flags, Sequence = sequence, Options = Packet.Payload(tcpOptions * 4) },
                new IPv4Fields { Id = id, Tos = tos, Options = Packet.Payload(ipOptions * 4) })));

    [Fact]
    public void G1_what_the_partial_field_holds_and_the_length_hint_do_not_matter()
    {
        SuperPacket super = SuperPacket.Tcp(A, B, Packet.Payload(3000), 1000);
        super.Bytes.AsSpan(36, 2).Fill(0x5A);
        AssertCut(super with { Header = super.Header with { HeaderLength = 7, Flags = 0, ChecksumStart = 9 } });
    }

    [Theory]
    [InlineData(VirtioNetHeader.GsoTcp4, 0, 1000)]      // no size
    [InlineData(3, 1000, 1000)]                         // legacy UFO
    [InlineData(4, 1000, 1000)]                         // TCP over IPv6
    [InlineData(VirtioNetHeader.GsoUdpL4, 1000, 1000)]  // says UDP, holds TCP
    [InlineData(VirtioNetHeader.GsoUdpL4 | 0x80, 1000, 1000)]
    [InlineData(0x20 | 1, 1000, 1000)]                  // tunnel segmentation
    [InlineData(7, 1000, 1000)]
    [InlineData(VirtioNetHeader.GsoTcp4, 1000, 0)]      // nothing to cut
    public void G1_G4_a_geometry_that_does_not_hold_is_dropped(byte type, int size, int payload)
    {
        byte[] packet = Packet.Tcp(A, B, Packet.Payload(payload));
        Assert.Equal(DropReason.Gso, Segmenter.TryCreate(packet, new VirtioNetHeader { GsoType = type, GsoSize = (ushort)size }, out _));
    }

    [Fact]
    public void G1_headers_that_do_not_fit_are_dropped()
    {
        VirtioNetHeader tcp = new() { GsoType = VirtioNetHeader.GsoTcp4, GsoSize = 100 }, udp = tcp with { GsoType = VirtioNetHeader.GsoUdpL4 };
        for (int body = 0; body < 20; body++) Assert.Equal(DropReason.Gso, Segmenter.TryCreate(Packet.IPv4(A, B, 6, Packet.Payload(body)), tcp, out _));
        for (int body = 0; body <= 8; body++) Assert.Equal(DropReason.Gso, Segmenter.TryCreate(Packet.IPv4(A, B, 17, Packet.Payload(body)), udp, out _));
        for (int words = 0; words < 16; words++)
        {
            byte[] packet = Packet.Tcp(A, B, Packet.Payload(12));   // 32 bytes from the TCP header on
            packet[32] = (byte)(words << 4);
            Assert.Equal(words is >= 5 and < 8 ? DropReason.None : DropReason.Gso, Segmenter.TryCreate(packet, tcp, out _));
        }
        Assert.Equal(DropReason.Gso, Segmenter.TryCreate(Packet.Tcp(A, B, Packet.Payload(500), ip: new IPv4Fields { Fragment = 0x2000 }), tcp, out _));
        Assert.Equal(DropReason.Gso, Segmenter.TryCreate(Packet.Tcp(A, B, Packet.Payload(500)), udp, out _));
        Assert.Equal(DropReason.Gso, Segmenter.TryCreate(Packet.Udp(A, B, Packet.Payload(500)), tcp, out _));
    }

    internal static List<byte[]> Cut(SuperPacket super)
    {
        Assert.Equal(DropReason.None, Segmenter.TryCreate(super.Bytes, super.Header, out Segmenter segmenter));
        List<byte[]> pieces = [];
        for (int i = 0; i < segmenter.Count; i++)
        {
            byte[] header = new byte[segmenter.HeaderLength];
            segmenter.WriteHeader(i, header);
            pieces.Add([.. header, .. super.Bytes.AsSpan(segmenter.PayloadOf(i).Offset, segmenter.PayloadOf(i).Length)]);
        }
        return pieces;
    }

    private static void AssertCut(SuperPacket super) => Assert.Equal(super.Segments(), Cut(super));
}
