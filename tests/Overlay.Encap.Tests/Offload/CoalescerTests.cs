using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Offload;

public sealed class CoalescerTests
{
    private static readonly uint A = Nodes.Address(2, 2), B = Nodes.Address(1, 2);

    private static byte[] Tcp(int at, int length = 1000, byte flags = Packet.Ack, TcpFields? tcp = null, IPv4Fields? ip = null) =>
        Packet.Tcp(A, B, Packet.Payload(length, at), (tcp ?? new TcpFields()) with { Sequence = (uint)at, Flags = flags }, ip);

    // Each packet alone, as it came and without any flag.
    private static void AssertUntouched(params byte[][] packets)
    {
        var result = CoalescerUnderTest.Join(packets);
        Assert.Equal(packets, result.Select(r => r.Packet));
        Assert.All(result, r => Assert.Equal((default, 1), (r.Header, r.Count)));
    }

    [Fact]
    public void Consecutive_segments_become_one_super_packet()
    {
        SuperPacket super = SuperPacket.Tcp(A, B, Packet.Payload(20_000), 1398, new TcpFields { Flags = Packet.Ack | Packet.Psh, Options = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2] });
        var (header, packet, count) = Assert.Single(CoalescerUnderTest.Join(super.Segments()));
        Assert.Equal(super.Bytes, packet);
        Assert.Equal((super.Header, 15), (header, count));
    }

    [Fact]
    public void Datagrams_of_one_size_become_one_super_packet_of_at_most_64()
    {
        SuperPacket super = SuperPacket.Udp(A, B, Packet.Payload(64 * 100), 100), rest = SuperPacket.Udp(A, B, Packet.Payload(30 * 100 + 7), 100, ip: new IPv4Fields { Id = 9 });
        var result = CoalescerUnderTest.Join([.. super.Segments(), .. rest.Segments()]);
        Assert.Equal([(super.Header, 64), (rest.Header, 31)], result.Select(r => (r.Header, r.Count)));
        Assert.Equal([super.Bytes, rest.Bytes], result.Select(r => r.Packet));
    }

    [Fact]
    public void F5_packets_that_differ_in_ttl_dscp_or_ecn_are_not_merged()
    {
        foreach (IPv4Fields other in new IPv4Fields[] { new() { Ttl = 63 }, new() { Tos = 4 }, new() { Tos = 1 }, new() { Tos = 3 }, new() { Fragment = 0 }, new() { Fragment = 0xC000 } })
        {
            AssertUntouched(Tcp(0), Tcp(1000, ip: other));
            AssertUntouched(Packet.Udp(A, B, [1]), Packet.Udp(A, B, [2], ip: other));
        }
    }

    [Fact]
    public void Packets_that_a_super_packet_could_not_stand_for_are_not_merged()
    {
        AssertUntouched(Tcp(0), Tcp(1001));                                             // a gap
        AssertUntouched(Tcp(1000), Tcp(0));                                             // out of order
        AssertUntouched(Tcp(0), Tcp(0));                                                // a duplicate
        AssertUntouched(Tcp(0, 500), Tcp(500, 501));                                    // growing
        AssertUntouched(Tcp(0, flags: Packet.Ack | Packet.Psh), Tcp(1000));             // a burst has ended
        AssertUntouched(Tcp(0), Tcp(1000, tcp: new TcpFields { Window = 7 }));
        AssertUntouched(Tcp(0), Tcp(1000, tcp: new TcpFields { Acknowledgement = 7 }));
        AssertUntouched(Tcp(0), Tcp(1000, tcp: new TcpFields { Options = [1, 1, 1, 1] }));
        AssertUntouched(Tcp(0, tcp: new TcpFields { Options = [1, 1, 1, 0] }), Tcp(1000, tcp: new TcpFields { Options = [1, 1, 1, 1] }));
        AssertUntouched(Tcp(0, ip: new IPv4Fields { Options = [1, 1, 1, 0] }), Tcp(1000, ip: new IPv4Fields { Options = [1, 1, 1, 0] }));
        AssertUntouched(Tcp(0, ip: new IPv4Fields { Fragment = 0, Id = 5 }), Tcp(1000, ip: new IPv4Fields { Fragment = 0, Id = 7 }));
        AssertUntouched(Tcp(0), Tcp(1000, tcp: new TcpFields { SourcePort = 9 }));
        AssertUntouched(Packet.Udp(A, B, [1, 2]), Packet.Udp(A, B, [1, 2], 4001));
        AssertUntouched(Packet.Udp(A, B, []), Packet.Udp(A, B, []));
    }

    [Theory]
    [InlineData(Packet.Syn)]
    [InlineData(Packet.Ack | Packet.Fin)]
    [InlineData(Packet.Ack | Packet.Rst)]
    [InlineData(Packet.Ack | Packet.Urg)]
    [InlineData(Packet.Ack | Packet.Ece)]
    [InlineData(Packet.Ack | Packet.Cwr)]
    [InlineData(0)]
    public void F4_only_plain_data_segments_are_merged(byte flags)
    {
        AssertUntouched(Tcp(0, flags: flags), Tcp(1000, flags: flags));
        AssertUntouched(Tcp(0), Tcp(1000, flags: flags), Tcp(2000));
    }

    [Fact]
    public void D3_a_wrong_header_checksum_is_never_made_right()
    {
        byte[] first = Tcp(0), second = Tcp(1000), udp = Packet.Udp(A, B, [1, 2]);
        first[10] ^= 1;
        AssertUntouched(first, second);
        AssertUntouched(first, second, Tcp(3000));
        udp[11] ^= 1;
        AssertUntouched(udp, Packet.Udp(A, B, [1, 2]), udp);
    }

    [Fact]
    public void G11_a_wrong_transport_checksum_is_passed_on_uncoalesced_and_unflagged()
    {
        byte[] bad = Tcp(1000), badUdp = Packet.Udp(A, B, [1, 2]);
        bad[^1] ^= 1;
        badUdp[^1] ^= 1;
        AssertUntouched(Tcp(0), bad, Tcp(2000));
        AssertUntouched(Packet.Udp(A, B, [1, 2]), badUdp, Packet.Udp(A, B, [1, 2]));
    }

    [Fact]
    public void G11_a_checksum_never_completed_is_delivered_as_partial()
    {
        byte[][] packets = [Tcp(0, 0, Packet.Syn), Tcp(1, 0), Tcp(1, 0, Packet.Ack | Packet.Fin), Packet.Udp(A, B, [1, 2, 3]), Packet.Udp(A, B, [])];
        foreach (byte[] packet in packets)
        {
            Packet.MakePartial(packet);
            var (header, result, _) = Assert.Single(CoalescerUnderTest.Join([packet]));
            Assert.Equal(packet, result);
            Assert.Equal(new VirtioNetHeader { Flags = 1, ChecksumStart = 20, ChecksumOffset = (ushort)(packet[9] == 6 ? 16 : 6) }, header);
        }
    }

    [Fact]
    public void G11_partial_and_complete_neighbours_join()
    {
        SuperPacket super = SuperPacket.Tcp(A, B, Packet.Payload(4000), 1000);
        List<byte[]> segments = super.Segments();
        Packet.MakePartial(segments[1]);
        Packet.MakePartial(segments[3]);
        var (header, packet, _) = Assert.Single(CoalescerUnderTest.Join(segments));
        Assert.Equal((super.Header, true), (header, super.Bytes.AsSpan().SequenceEqual(packet)));
    }

    [Fact]
    public void G12_one_unsegmented_packet_is_delivered_to_be_cut_to_the_mtu()
    {
        byte[] packet = Tcp(0, 60_000, tcp: new TcpFields { Options = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2] });
        Packet.MakePartial(packet);
        var result = CoalescerUnderTest.Join([Tcp(60_000), packet, Tcp(60_000)]);
        Assert.Equal(3, result.Count);
        Assert.Equal(packet, result[1].Packet);
        Assert.Equal(new VirtioNetHeader { Flags = 1, GsoType = 1, HeaderLength = 52, GsoSize = 1450 - 52, ChecksumStart = 20, ChecksumOffset = 16 }, result[1].Header);
    }

    [Fact]
    public void D9_bodies_that_are_no_tcp_or_udp_pass_untouched()
    {
        foreach (byte protocol in new byte[] { 0, 1, 6, 17, 47, 50, 132, 255 })
            for (int body = 0; body < 24; body++)
                AssertUntouched(Packet.IPv4(A, B, protocol, new byte[body]), Packet.IPv4(A, B, protocol, new byte[body]));
        byte[] offset = Tcp(0), length = Packet.Udp(A, B, [1, 2, 3]);
        foreach (int words in new[] { 0, 4, 15 })
        {
            offset[32] = (byte)(words << 4);
            if (words * 4 > 20) offset = offset[..50];
            (offset[2], offset[3]) = ((byte)(offset.Length >> 8), (byte)offset.Length);
            Packet.FixHeaderChecksum(offset);
            AssertUntouched(offset, offset);
        }
        foreach (byte wrong in new byte[] { 0, 7, 10, 12 })
        {
            length[25] = wrong;
            Packet.FixTransportChecksum(length);
            AssertUntouched(length, length);
        }
    }

    [Fact]
    public void A8_an_inner_udp_checksum_of_zero_stays_zero()
    {
        byte[] packet = Packet.Udp(A, B, [1, 2, 3]);
        (packet[26], packet[27]) = (0, 0);
        AssertUntouched(packet, packet);
    }

    [Fact]
    public void A_packet_without_ports_between_the_same_hosts_is_not_overtaken()
    {
        byte[] fragment = Packet.Udp(A, B, Packet.Payload(8), ip: new IPv4Fields { Fragment = 0x2000 });
        AssertUntouched(Tcp(0), fragment, Tcp(1000), Packet.Ping(A, B), Tcp(2000));
    }

    [Fact]
    public void Switched_off_nothing_is_joined()
    {
        CoalescerUnderTest tcpOff = new(joinsTcp: false), udpOff = new(joinsUdp: false);
        foreach (CoalescerUnderTest each in new[] { tcpOff, udpOff })
        {
            for (int i = 0; i < 3; i++) each.Add(Tcp(i * 1000));
            for (int i = 0; i < 3; i++) each.Add(Packet.Udp(A, B, [1, 2]));
            each.Flush();
        }
        Assert.Equal([1, 1, 1, 3], tcpOff.Out.Select(o => o.Count));
        Assert.Equal([3, 1, 1, 1], udpOff.Out.Select(o => o.Count).OrderDescending());
    }

    [Fact]
    public void G7_a_refused_super_packet_goes_out_again_as_the_packets_it_came_from_and_none_is_made_after_it()
    {
        CoalescerUnderTest coalescer = new() { RefusesSuperPackets = true };
        SuperPacket tcp = SuperPacket.Tcp(A, B, Packet.Payload(4000), 1000, new TcpFields { Flags = Packet.Ack | Packet.Psh }), udp = SuperPacket.Udp(A, B, Packet.Payload(350), 100);
        List<byte[]> expected = [.. tcp.Segments(), .. udp.Segments(), .. tcp.Segments(), .. udp.Segments()];
        Packet.MakePartial(expected[0]);
        Packet.MakePartial(expected[2]);
        for (int i = 0; i < expected.Count; i += 8)
        {
            foreach (byte[] packet in expected.Skip(i).Take(8)) coalescer.Add(packet);
            coalescer.Flush();
        }

        Assert.Equal(expected, coalescer.Out.Select(o => o.Packet));
        Assert.Equal([0, 2], coalescer.Out.Index().Where(o => o.Item.Header.Flags == VirtioNetHeader.NeedsChecksum).Select(o => o.Index));
        Assert.All(coalescer.Out, o => Assert.Equal((VirtioNetHeader.GsoNone, 1), (o.Header.GsoType, o.Count)));
        Assert.Equal(2, coalescer.Refused);
    }
}
