using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Codec;

/// <summary>FAULTS 2C: the inner Ethernet header.</summary>
public sealed class EthernetTests
{
    private const ulong Broadcast = 0xFFFF_FFFF_FFFF;

    private static readonly byte[] Inner = Packet.Udp(Judged.Theirs, Judged.Ours, Packet.Payload(20));

    private static byte[] WithMacs(ulong destination, ulong source) => Packet.Vxlan(destination, source, Inner);

    private static byte[] WithType(int etherType, ReadOnlySpan<byte> payload) => Packet.Vxlan(Nodes.Mac(1).Value, Nodes.Mac(2).Value, payload, etherType: etherType);

    [Theory]
    [InlineData(0x0200_0000_0002UL)]
    [InlineData(0x0200_0000_0003UL)]
    [InlineData(Broadcast)]
    [InlineData(0x0100_5E00_0001UL)]
    [InlineData(0UL)]
    public void N1_only_our_mac_is_a_destination(ulong destination) =>
        Assert.Equal(DropReason.DstMac, Judged.Of(WithMacs(destination, Nodes.Mac(2).Value)).Reason);

    [Theory]
    [InlineData(0x0200_0000_0001UL, DropReason.Loop)]
    [InlineData(0UL, DropReason.SrcMac)]
    [InlineData(Broadcast, DropReason.SrcMac)]
    [InlineData(0x0300_0000_0002UL, DropReason.SrcMac)]
    public void N2_our_own_and_impossible_sources_are_dropped_in_every_mode(ulong source, DropReason expected)
    {
        foreach (SourceCheck check in Enum.GetValues<SourceCheck>())
            Assert.Equal(expected, Judged.Of(WithMacs(Nodes.Mac(1).Value, source), table: Nodes.Table(1, check: check)).Reason);
    }

    [Fact]
    public void N2_a_mac_that_is_not_the_senders_is_dropped_when_strict_and_else_counted()
    {
        byte[] datagram = WithMacs(Nodes.Mac(1).Value, Nodes.Mac(3).Value);
        Assert.Equal(DropReason.SrcMac, Judged.Of(datagram).Reason);
        foreach (SourceCheck check in new[] { SourceCheck.AntiSpoof, SourceCheck.Off })
            Assert.Equal(new Judged(DropReason.None, Inner.Length, true), Judged.Of(datagram, table: Nodes.Table(1, check: check)));
        Assert.False(Judged.Of(WithMacs(Nodes.Mac(1).Value, Nodes.Mac(2).Value), table: Nodes.Table(1, check: SourceCheck.Off)).ForeignMac);
    }

    [Theory]
    [InlineData(0x0806)]
    [InlineData(0x8035)]
    [InlineData(0x88CC)]
    [InlineData(0x888E)]
    [InlineData(0x8847)]
    [InlineData(0x88F7)]
    [InlineData(0x8902)]
    public void N3_what_is_not_ip_is_dropped(int etherType)
    {
        for (int length = 1; length <= 64; length += 9) Assert.Equal(DropReason.NotIp, Judged.Of(WithType(etherType, Packet.Payload(length))).Reason);
    }

    [Theory]
    [InlineData(0x8100)]
    [InlineData(0x88A8)]
    public void N4_tags_are_dropped_whole_double_and_truncated(int etherType)
    {
        Assert.Equal(DropReason.Vlan, Judged.Of(WithType(etherType, [0, 5, 8, 0, .. Inner])).Reason);
        Assert.Equal(DropReason.Vlan, Judged.Of(WithType(etherType, [0, 5, 0x81, 0, 0, 6, 8, 0, .. Inner])).Reason);
        Assert.Equal(DropReason.Vlan, Judged.Of(WithType(etherType, [0])).Reason);
    }

    [Fact]
    public void N5_the_version_has_to_match_the_type()
    {
        foreach ((int etherType, int version) in new[] { (0x0800, 6), (0x86DD, 4), (0x0800, 0), (0x0800, 15), (0x86DD, 0), (0x86DD, 15), (0x0800, 5) })
        {
            byte[] inner = [.. Inner];
            inner[0] = (byte)(version << 4 | 5);
            Assert.Equal(DropReason.Version, Judged.Of(WithType(etherType, inner)).Reason);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(46)]
    [InlineData(0x05DC)]
    [InlineData(0x05FF)]
    public void N6_a_length_field_is_not_ip(int length) => Assert.Equal(DropReason.NotIp, Judged.Of(WithType(length, Inner)).Reason);

    [Fact]
    public void N7_ipv6_inside_a_v4_network_is_another_family() =>
        Assert.Equal(DropReason.Family, Judged.Of(WithType(0x86DD, [0x60, .. Packet.Payload(59)])).Reason);

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(46)]
    public void N8_padding_and_checksum_behind_the_packet_are_trimmed(int extra) =>
        Assert.Equal(new Judged(DropReason.None, Inner.Length, false), Judged.Of([.. Nodes.Frame(2, 1, Inner), .. new byte[extra]]));
}
