using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Codec;

/// <summary>FAULTS 2A and 2B: lengths, the outer source, the VXLAN header.</summary>
public sealed class OuterTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void A1_less_than_a_vxlan_header_is_short(int length) =>
        Assert.Equal(DropReason.ShortOuter, Judged.Of(Judged.Good().AsSpan(0, length)).Reason);

    [Fact]
    public void A2_less_than_one_byte_behind_the_ethernet_header_is_short_inner()
    {
        for (int length = 8; length <= 8 + 14; length++) Assert.Equal(DropReason.ShortInner, Judged.Of(Judged.Good().AsSpan(0, length)).Reason);
    }

    [Fact]
    public void A3_only_known_vteps_pass_the_door()
    {
        ForwardingTable table = Nodes.Table(1);
        Assert.Equal(DropReason.None, Decapsulator.JudgeSource(Nodes.Endpoint(2), table));
        Assert.Equal(DropReason.UnknownVtep, Decapsulator.JudgeSource(Nodes.Endpoint(9), table));
        Assert.Equal(DropReason.UnknownVtep, Decapsulator.JudgeSource(Nodes.Endpoint(2), new ForwardingTable(Nodes.Local(1), [])));
    }

    [Fact]
    public void A4_our_own_address_is_named_as_such() =>
        Assert.Equal(DropReason.Self, Decapsulator.JudgeSource(Nodes.Endpoint(1), Nodes.Table(1)));

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("255.255.255.255")]
    [InlineData("224.0.0.1")]
    [InlineData("127.0.0.1")]
    public void A5_no_strange_address_is_a_vtep(string source) =>
        Assert.Equal(DropReason.UnknownVtep, Decapsulator.JudgeSource(Packet.Ip(source), Nodes.Table(1)));

    [Fact]
    public void B1_of_256_first_bytes_only_08_is_accepted()
    {
        for (int flags = 0; flags < 256; flags++)
        {
            byte[] datagram = Judged.Good();
            datagram[0] = (byte)flags;
            Assert.Equal(flags == 0x08 ? DropReason.None : DropReason.BadFlags, Judged.Of(datagram).Reason);
        }
    }

    [Fact]
    public void B2_each_reserved_bit_alone_is_dropped()
    {
        int tried = 0;
        for (int bit = 0; bit < 64; bit++)
        {
            if (bit is 4 or (>= 32 and < 56)) continue;   // flag I and the VNI
            byte[] datagram = Judged.Good();
            datagram[bit / 8] ^= (byte)(0x80 >> bit % 8);
            Assert.Equal(bit < 8 ? DropReason.BadFlags : DropReason.Reserved, Judged.Of(datagram).Reason);
            tried++;
        }
        Assert.Equal(39, tried);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(0x010000)]
    [InlineData(0x000100)]
    [InlineData(0xFFFFFF)]
    public void B3_another_vni_is_dropped(int vni)
    {
        byte[] datagram = Judged.Good();
        (datagram[4], datagram[5], datagram[6]) = ((byte)(vni >> 16), (byte)(vni >> 8), (byte)vni);
        Assert.Equal(DropReason.WrongVni, Judged.Of(datagram).Reason);
    }

    [Theory]
    [InlineData(0x0C00_0001_0000_0100UL)]
    [InlineData(0x0C00_0002_0000_0100UL)]
    [InlineData(0x0C00_0004_0000_0100UL)]
    [InlineData(0x0D00_0003_0000_0100UL)]
    public void B4_vxlan_gpe_is_dropped_by_its_flags(ulong header) =>
        Assert.Equal(DropReason.BadFlags, Judged.Of(Packet.Vxlan(Nodes.Mac(1).Value, Nodes.Mac(2).Value, Packet.Udp(Judged.Theirs, Judged.Ours, [1]), header)).Reason);

    [Theory]
    [InlineData("0000655800000100")]   // Geneve, Ethernet inside
    [InlineData("4500003c12344000")]   // IP in IP
    [InlineData("0400000000000001")]   // WireGuard transport data
    [InlineData("c000000001088394")]   // QUIC initial
    [InlineData("abcd010000010000")]   // DNS query
    public void B6_other_protocols_on_the_port_are_dropped_by_their_flags(string start)
    {
        byte[] datagram = [.. Convert.FromHexString(start), .. Packet.Payload(100)];
        Assert.Equal(DropReason.BadFlags, Judged.Of(datagram).Reason);
        Assert.Equal(DropReason.ShortOuter, Judged.Of(datagram.AsSpan(0, 7)).Reason);
    }

    [Fact]
    public void B7_vxlan_inside_vxlan_is_ordinary_udp()
    {
        byte[] inner = Packet.Udp(Judged.Theirs, Judged.Ours, Judged.Good(), 50_000, 8472);
        Assert.Equal(new Judged(DropReason.None, inner.Length, false), Judged.Of(Nodes.Frame(2, 1, inner)));
    }
}
