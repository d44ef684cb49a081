using Overlay.Encap.Checksums;
using Overlay.Encap.Counters;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Checksums;

public sealed class PartialChecksumTests
{
    private static readonly uint A = Nodes.Address(1, 2), B = Nodes.Address(2, 2);

    private static VirtioNetHeader Needs(int start, int offset) =>
        new() { Flags = VirtioNetHeader.NeedsChecksum, ChecksumStart = (ushort)start, ChecksumOffset = (ushort)offset };

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(1400)]
    public void G2_tcp_and_udp_come_out_as_if_never_left_partial(int length)
    {
        byte[] tcp = Packet.Tcp(A, B, Packet.Payload(length)), udp = Packet.Udp(A, B, Packet.Payload(length));
        foreach ((byte[] whole, int offset) in new[] { (tcp, 16), (udp, 6) })
        {
            byte[] packet = [.. whole];
            Packet.MakePartial(packet);
            Assert.NotEqual(whole, packet);
            Assert.Equal(DropReason.None, PartialChecksum.Complete(packet, Needs(20, offset)));
            Assert.Equal(whole, packet);
        }
    }

    [Fact]
    public void G2_a_packet_that_needs_nothing_stays_as_it_is()
    {
        byte[] packet = Packet.Udp(A, B, [1, 2, 3]), before = [.. packet];
        Assert.Equal(DropReason.None, PartialChecksum.Complete(packet, new VirtioNetHeader { ChecksumStart = 20, ChecksumOffset = 6 }));
        Assert.Equal(before, packet);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 6)]
    [InlineData(10, 0)]
    [InlineData(19, 1)]
    [InlineData(20, 22)]
    [InlineData(20, 21)]
    [InlineData(42, 0)]
    [InlineData(41, 0)]
    [InlineData(20, 65_535)]
    [InlineData(65_535, 65_535)]
    public void G2_a_place_outside_of_the_transport_is_dropped_unchanged(int start, int offset)
    {
        byte[] packet = Packet.Udp(A, B, Packet.Payload(14)), before = [.. packet];   // 42 bytes
        DropReason reason = PartialChecksum.Complete(packet, Needs(start, offset));
        Assert.Equal(DropReason.Csum, reason);
        Assert.Equal(before, packet);
    }

    [Fact]
    public void G2_the_last_two_bytes_are_still_a_place() =>
        Assert.Equal(DropReason.None, PartialChecksum.Complete(Packet.Udp(A, B, Packet.Payload(14)), Needs(20, 20)));

    [Fact]
    public void G3_a_udp_sum_of_zero_is_sent_as_all_ones()
    {
        byte[] payload = new byte[2], packet = [];
        for (int word = 0; word <= 0xFFFF; word++)
        {
            (payload[0], payload[1]) = ((byte)(word >> 8), (byte)word);
            packet = Packet.Udp(A, B, payload);
            if (packet[26] == 0xFF && packet[27] == 0xFF) break;
        }
        Assert.Equal(0xFFFF, packet[26] << 8 | packet[27]);   // such a payload exists
        byte[] partial = [.. packet];
        Packet.MakePartial(partial);
        Assert.Equal(DropReason.None, PartialChecksum.Complete(partial, Needs(20, 6)));
        Assert.Equal(packet, partial);
    }
}
