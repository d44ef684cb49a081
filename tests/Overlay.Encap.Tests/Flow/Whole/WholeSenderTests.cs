using System.Buffers.Binary;
using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Flow;
using Overlay.Encap.Tests.Offload;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;
using EthernetPacket = PacketDotNet.EthernetPacket;
using IPv4Packet = PacketDotNet.IPv4Packet;
using LinkLayers = PacketDotNet.LinkLayers;
using UdpPacket = PacketDotNet.UdpPacket;

namespace Overlay.Encap.Tests.Flow.Whole;

/// <summary>Super-packets that leave whole where a port takes them, and as trains of segments where none does.</summary>
public sealed class WholeSenderTests
{
    private const int GsoSize = 1410;   // with 40 bytes of header an inner packet of 1450

    private static readonly uint Ours = Nodes.Address(1, 2), Theirs = Nodes.Address(2, 9);

    private readonly FakeTunnelPort _port = new(Nodes.Endpoint(1));
    private readonly NodeUnderTest _node;

    public WholeSenderTests()
    {
        _node = new NodeUnderTest(options: new DataPlaneOptions { Lanes = 1 }, port: _port);
        (_node.Underlay.PathMtus[Nodes.Endpoint(2)], _node.Underlay.PathMtus[Nodes.Endpoint(3)]) = (1600, 1500);
    }

    private static SuperPacket Super(int payload = 20_000, int peer = 2, IPv4Fields? ip = null) =>
        SuperPacket.Tcp(Ours, Nodes.Address(peer, 9), Packet.Payload(payload), GsoSize, ip: ip);

    private FlowSnapshot Send(params SuperPacket[] packets)
    {
        foreach (SuperPacket packet in packets) _node.Tun.Send(packet.Bytes, packet.Header);
        return _node.TurnOutbound();
    }

    [Fact]
    public void A_whole_super_packet_counts_as_its_segments()
    {
        SuperPacket super = Super();
        FlowSnapshot counts = Send(super);
        List<byte[]> segments = super.Segments();
        Assert.Equal((1, 0L), (_port.Sent, _node.Underlay.SentCount));
        Assert.Equal((segments.Count, segments.Sum(segment => 22L + segment.Length)), (counts.Delivered, counts.DeliveredBytes));
    }

    [Fact]
    public void Its_headers_are_those_of_a_tunnel_packet()
    {
        SuperPacket super = Super(ip: new IPv4Fields { Tos = 0xBA });   // ECT(0); the DSCP stays inside
        Send(super);
        var ethernet = (EthernetPacket)PacketDotNet.Packet.ParsePacket(LinkLayers.Ethernet, _port.Last[TunnelFrame.VirtioSize..]);
        var ip = ethernet.Extract<IPv4Packet>();
        Assert.Equal("00:00:00:00:00:00", string.Join(':', ethernet.DestinationHardwareAddress.GetAddressBytes().Select(b => $"{b:x2}")));
        Assert.Equal((Nodes.Endpoint(1), Nodes.Endpoint(2)), (Host(ip.SourceAddress), Host(ip.DestinationAddress)));
        Assert.Equal((65, 2, 0x4000, 20 + 8 + 22 + super.Bytes.Length), (ip.TimeToLive, ip.TypeOfService, ip.FragmentFlags << 13, ip.TotalLength));
        Assert.True(ip.ValidIPChecksum);
        var udp = ip.Extract<UdpPacket>();
        Assert.Equal((_node.Underlay.SourcePort(1), 8472, 0, 8 + 22 + super.Bytes.Length), (udp.SourcePort, udp.DestinationPort, udp.Checksum, udp.Length));
        Assert.Equal(Nodes.Frame(1, 2, super.Bytes), udp.PayloadData);
    }

    [Fact]
    public void Its_virtio_header_says_where_the_kernel_finds_what_it_repeats()
    {
        SuperPacket super = Super(ip: new IPv4Fields { Options = [1, 1, 1, 1] });
        Send(super);
        VirtioNetHeader header = VirtioNetHeader.Read(_port.Last);
        Assert.Equal((VirtioNetHeader.NeedsChecksum, 0x21, GsoSize), (header.Flags, header.GsoType, header.GsoSize));
        Assert.Equal((64 + super.Header.HeaderLength, 64 + 24, 16), (header.HeaderLength, header.ChecksumStart, header.ChecksumOffset));
        Assert.Equal((34, 64), (BinaryPrimitives.ReadUInt16LittleEndian(_port.Last.AsSpan(20)), BinaryPrimitives.ReadUInt16LittleEndian(_port.Last.AsSpan(22))));
    }

    [Fact]
    public void The_largest_fills_the_outer_length_and_one_byte_more_goes_in_segments()
    {
        int header = Super(1).Bytes.Length - 1;
        Send(Super(TunnelFrame.MaxInner - header));
        Assert.Equal(ushort.MaxValue, BinaryPrimitives.ReadUInt16BigEndian(_port.Last.AsSpan(TunnelFrame.VirtioSize + 14 + 2)));
        Send(Super(TunnelFrame.MaxInner - header + 1));
        Assert.Equal((1, true), (_port.Sent, _node.Underlay.SentCount > 1));
    }

    [Fact]
    public void What_no_port_takes_goes_in_segments()
    {
        SuperPacket udp = SuperPacket.Udp(Ours, Theirs, Packet.Payload(9_999), 1000), narrow = Super(peer: 3);
        SuperPacket finished = Super() with { Header = Super().Header with { Flags = 0 } };
        _node.Underlay.PathMtus[Nodes.Endpoint(3)] = 1499;
        Send(udp, narrow, finished);
        Assert.Equal(0, _port.Asked);

        _port.Afar.Add(Nodes.Endpoint(2));
        _node.TakeSentPackets();
        SuperPacket afar = Super();
        Send(afar);
        Assert.Equal(0, _port.Asked);
        Assert.Equal(afar.Segments(), _node.TakeSentPackets());
    }

    [Fact]
    public void H5_a_path_that_gets_narrower_is_seen_within_a_second()
    {
        Send(Super());
        _node.Underlay.PathMtus[Nodes.Endpoint(2)] = 1400;
        DateTime end = DateTime.UtcNow.AddSeconds(30);
        while (!_node.Outbound.Counters.Snapshot().DropsByReason.Any() && DateTime.UtcNow < end) Send(Super());
        Assert.Equal(DropReason.TooBig, Assert.Single(_node.Outbound.Counters.Snapshot().DropsByReason).Reason);
    }

    [Fact]
    public void G5_what_the_port_refuses_is_not_lost_and_it_is_left_alone_for_a_while()
    {
        _port.Answer = new IoResult(IoStatus.Unsupported, 0, 5);
        SuperPacket super = Super();
        FlowSnapshot counts = Send(super, super, super);
        Assert.Equal([.. super.Segments(), .. super.Segments(), .. super.Segments()], _node.TakeSentPackets());
        Assert.Equal((0L, 1L, 1), (counts.Dropped, counts.SegmentFallbacks, _port.Asked));
    }

    [Fact]
    public void Packets_of_a_flow_keep_their_order()
    {
        SuperPacket tooLong = Super(TunnelFrame.MaxInner), whole = Super();
        List<string> order = [];
        _node.Underlay.OnSend = (_, _) =>
        {
            order.Add($"{_port.Sent} before");
            return default;
        };
        byte[] plain = Packet.Tcp(Ours, Theirs, Packet.Payload(10));
        _node.Tun.Send(tooLong.Bytes, tooLong.Header);
        _node.Tun.Send(plain);
        _node.Tun.Send(whole.Bytes, whole.Header);
        _node.TurnOutbound();
        Assert.Equal(1, _port.Sent);
        Assert.All(order, when => Assert.Equal("0 before", when));
    }

    private static uint Host(System.Net.IPAddress address) => BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());
}
