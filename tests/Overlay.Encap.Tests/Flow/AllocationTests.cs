using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Tests.Codec;
using Overlay.Encap.Tests.Flow.Whole;
using Overlay.Encap.Tests.Offload;
using Overlay.Encap.Tests.Oracles;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Flow;

/// <summary>No byte is allocated for a packet, whatever becomes of it.</summary>
public sealed class AllocationTests
{
    private const int Warmup = 40, Turns = 200;

    private static readonly uint Ours = Judged.Ours, Theirs = Judged.Theirs;

    [Fact]
    public void Outbound_small_packets_allocate_nothing() => Outbound(tun =>
    {
        for (int i = 0; i < 32; i++) tun.SendRaw(Small[i % 2]);
    }, delivered: 32);

    [Fact]
    public void Outbound_tcp_super_packets_allocate_nothing() => Outbound(tun => tun.SendRaw(TcpSuper), delivered: 44);

    [Fact]
    public void Outbound_whole_super_packets_allocate_nothing() => Outbound(
        tun => tun.SendRaw(TcpSuper), delivered: 44, node => node.Underlay.PathMtus[Nodes.Endpoint(2)] = 1500, new FakeTunnelPort(Nodes.Endpoint(1)));

    [Fact]
    public void Outbound_udp_super_packets_allocate_nothing() => Outbound(tun => tun.SendRaw(UdpSuper), delivered: 50);

    [Fact]
    public void Outbound_drops_and_icmp_answers_allocate_nothing() => Outbound(tun =>
    {
        tun.SendRaw(ToNobody);
        tun.SendRaw(Foreign);
    }, delivered: 0);

    [Fact]
    public void Outbound_refused_segmentations_and_too_long_packets_allocate_nothing() => Outbound(tun =>
    {
        tun.SendRaw(UdpSuper);
        tun.SendRaw(Small[1]);
    }, delivered: 1, node => node.Underlay.PathMtus[Nodes.Endpoint(2)] = 1000);

    [Fact]
    public void Inbound_small_packets_allocate_nothing() => Inbound(underlay =>
    {
        for (int i = 0; i < 32; i++) underlay.Inject(SmallFrame, Nodes.Endpoint(2));
    }, delivered: 32);

    [Fact]
    public void Inbound_joined_tcp_allocates_nothing() =>
        Inbound(underlay => underlay.Inject(TcpTrain, new Datagram(TcpTrain.Length, 1472, Nodes.Endpoint(2), 2, false)), delivered: 44);

    [Fact]
    public void Inbound_drops_allocate_nothing() => Inbound(underlay =>
    {
        underlay.Inject(SmallFrame, Nodes.Endpoint(9));
        underlay.Inject(SmallFrame, Nodes.Endpoint(3));
        underlay.Inject(SmallFrame, Nodes.Endpoint(2), tos: 3);
        underlay.Inject(SmallFrame.AsSpan(0, 30), Nodes.Endpoint(2));
    }, delivered: 0);

    private static readonly byte[][] Small = [Raw(Packet.Udp(Ours, Theirs, Packet.Payload(64))), Raw(Packet.Udp(Ours, Nodes.Address(3, 2), Packet.Payload(100)))];
    private static readonly byte[] ToNobody = Raw(Packet.Udp(Ours, Nodes.Address(77, 2), [1]));
    private static readonly byte[] Foreign = Raw(Packet.Udp(Theirs, Ours, [1]));
    private static readonly byte[] SmallFrame = Nodes.Frame(2, 1, Packet.Udp(Theirs, Ours, Packet.Payload(64)));
    private static readonly byte[] TcpSuper = Raw(SuperPacket.Tcp(Ours, Theirs, Packet.Payload(61_000), 1410));
    private static readonly byte[] UdpSuper = Raw(SuperPacket.Udp(Ours, Theirs, Packet.Payload(50_000), 1000));
    private static readonly byte[] TcpTrain = [.. SuperPacket.Tcp(Theirs, Ours, Packet.Payload(61_000), 1410).Segments().SelectMany(s => Nodes.Frame(2, 1, s))];

    private static void Outbound(Action<FakeTun> feed, int delivered, Action<NodeUnderTest>? prepare = null, ITunnelPort? port = null)
    {
        NodeUnderTest node = Quiet(port);
        prepare?.Invoke(node);
        AssertNoBytes(() =>
        {
            feed(node.Tun);
            while (node.Tun.Unread > 0) node.Outbound.Turn();
        });
        Assert.Equal((Warmup + Turns) * (long)delivered, node.TurnOutbound().Delivered);
    }

    private static void Inbound(Action<FakeUnderlay> feed, int delivered)
    {
        NodeUnderTest node = Quiet();
        AssertNoBytes(() =>
        {
            feed(node.Underlay);
            while (node.Underlay.Unreceived > 0) node.Inbound.Turn();
        });
        Assert.Equal((Warmup + Turns) * (long)delivered, node.TurnInbound().Delivered);
    }

    private static NodeUnderTest Quiet(ITunnelPort? port = null)
    {
        NodeUnderTest node = new(port: port);
        (node.Tun.Discards, node.Underlay.Records) = (true, false);
        return node;
    }

    private static void AssertNoBytes(Action turn) => Allocation.AssertNone(turn, Warmup, Turns);

    private static byte[] Raw(byte[] packet) => [.. new byte[12], .. packet];

    private static byte[] Raw(SuperPacket super)
    {
        byte[] raw = Raw(super.Bytes);
        super.Header.Write(raw);
        return raw;
    }
}
