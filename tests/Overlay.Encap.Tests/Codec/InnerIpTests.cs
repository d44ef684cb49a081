using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Codec;

/// <summary>FAULTS 2D: the inner IP header.</summary>
public sealed class InnerIpTests
{
    private static byte[] Inner(int payload = 20) => Packet.Udp(Judged.Theirs, Judged.Ours, Packet.Payload(payload));

    [Fact]
    public void D1_header_lengths_under_20_or_past_the_end_are_dropped()
    {
        for (int words = 0; words < 16; words++)
        {
            byte[] packet = Inner(0);   // 28 bytes: 7 words
            packet[0] = (byte)(0x40 | words);
            Assert.Equal(words is >= 5 and <= 7 ? DropReason.None : DropReason.IpHeader, Judged.OfPacket(packet).Reason);
        }
    }

    [Fact]
    public void D1_40_bytes_of_options_pass()
    {
        byte[] options = [.. Enumerable.Repeat((byte)1, 39), 0];
        byte[] packet = Packet.Udp(Judged.Theirs, Judged.Ours, [1, 2, 3], ip: new IPv4Fields { Options = options });
        Assert.Equal(new Judged(DropReason.None, 71, false), Judged.OfPacket(packet));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(19)]
    [InlineData(49)]
    [InlineData(65_535)]
    public void D2_total_lengths_that_cannot_be_are_dropped(int total)
    {
        byte[] packet = Inner(20);   // 48 bytes
        (packet[2], packet[3]) = ((byte)(total >> 8), (byte)total);
        Assert.Equal(DropReason.IpLength, Judged.OfPacket(packet).Reason);
    }

    [Fact]
    public void D2_a_total_length_inside_the_options_is_dropped()
    {
        byte[] packet = Packet.Udp(Judged.Theirs, Judged.Ours, [1], ip: new IPv4Fields { Options = new byte[8] });
        (packet[2], packet[3]) = (0, 27);
        Assert.Equal(DropReason.IpLength, Judged.OfPacket(packet).Reason);
    }

    [Fact]
    public void D2_the_longest_packet_there_is_passes() =>
        Assert.Equal(65_535 - 22 - 8, Judged.OfPacket(Inner(65_535 - 22 - 8 - 28)).Length);   // what one UDP payload can hold

    [Fact]
    public void D3_a_wrong_header_checksum_is_the_kernels_to_judge()
    {
        byte[] packet = Inner();
        packet[10] ^= 0x40;
        Assert.Equal(DropReason.None, Judged.OfPacket(packet).Reason);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("169.254.1.1")]
    [InlineData("224.0.0.5")]
    [InlineData("239.255.255.255")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    public void D4_no_packet_comes_from_a_martian_in_any_mode(string source)
    {
        foreach (SourceCheck check in Enum.GetValues<SourceCheck>())
            Assert.Equal(DropReason.Martian, Judged.OfPacket(Packet.Udp(Packet.Ip(source), Judged.Ours, [1]), check).Reason);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("0.9.9.9")]
    [InlineData("224.0.0.251")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("10.5.1.255")]
    public void D5_no_packet_goes_to_a_martian(string destination) =>
        Assert.Equal(DropReason.MartianDst, Judged.OfPacket(Packet.Udp(Judged.Theirs, Packet.Ip(destination), [1])).Reason);

    [Fact]
    public void D6_source_and_destination_differ()
    {
        Assert.Equal(DropReason.Martian, Judged.OfPacket(Packet.Udp(Judged.Ours, Judged.Ours, [1])).Reason);
        Assert.Equal(DropReason.Martian, Judged.OfPacket(Packet.Udp(Judged.Theirs, Judged.Theirs, [1])).Reason);
    }

    [Fact]
    public void D7_only_a_ttl_of_zero_is_dropped()
    {
        for (int ttl = 0; ttl < 256; ttl++)
            Assert.Equal(ttl == 0 ? DropReason.Ttl : DropReason.None, Judged.OfPacket(Packet.Udp(Judged.Theirs, Judged.Ours, [1], ip: new IPv4Fields { Ttl = (byte)ttl })).Reason);
    }

    [Theory]
    [InlineData(0x2000)]
    [InlineData(0x2001)]
    [InlineData(0x0001)]
    [InlineData(0x1FFF)]
    [InlineData(0x6000)]
    [InlineData(0x8000)]
    [InlineData(0xFFFF)]
    public void D8_every_kind_of_fragment_passes(int fragment) =>
        Assert.Equal(DropReason.None, Judged.OfPacket(Packet.Udp(Judged.Theirs, Judged.Ours, Packet.Payload(8), ip: new IPv4Fields { Fragment = (ushort)fragment })).Reason);

    [Fact]
    public void D9_every_protocol_passes_with_any_body()
    {
        for (int protocol = 0; protocol < 256; protocol++)
            for (int body = 0; body < 24; body += 3)
                Assert.Equal(DropReason.None, Judged.OfPacket(Packet.IPv4(Judged.Theirs, Judged.Ours, (byte)protocol, Packet.Payload(body))).Reason);
    }
}
