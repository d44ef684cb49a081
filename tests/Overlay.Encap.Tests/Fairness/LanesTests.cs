using Overlay.Encap.Flow;
using Overlay.Encap.Tests.Flow;
using Overlay.Encap.Tests.Offload;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Fairness;

/// <summary>Flows in bulk have source ports and a queue of the device of their own.</summary>
public sealed class LanesTests
{
    private static readonly uint Ours = Nodes.Address(1, 5), Theirs = Nodes.Address(2, 9);
    private static readonly SuperPacket Super = SuperPacket.Tcp(Ours, Theirs, Packet.Payload(20_000), 1000);

    private readonly NodeUnderTest _node = new();

    [Fact]
    public void Super_packets_leave_from_odd_lanes_and_so_do_the_small_packets_of_their_flow_behind_them()
    {
        byte[] small = Packet.Tcp(Ours, Theirs, Packet.Payload(10));
        _node.Tun.Send(Super.Bytes, Super.Header);
        _node.Tun.Send(small);
        _node.TurnOutbound();
        var sent = _node.Underlay.TakeSent();
        Assert.Equal(1, sent[0].How.Lane & 1);
        Assert.Single(sent.Select(s => s.How.Lane).Distinct());
        Assert.Equal([.. Super.Segments(), small], sent.Select(s => s.Bytes[22..]));   // one lane, one order
    }

    [Fact]
    public void All_other_packets_leave_from_even_lanes()
    {
        _node.Tun.Send(Super.Bytes, Super.Header);
        _node.TurnOutbound();
        _node.Underlay.TakeSent();
        for (int port = 0; port < 64; port++) _node.Tun.Send(Packet.Udp(Ours, Theirs, [1], 4000 + port));
        _node.TurnOutbound();
        var lanes = _node.Underlay.TakeSent().Select(s => s.How.Lane).ToHashSet();
        Assert.Equal(new DataPlaneOptions().Lanes, lanes.Count);
        Assert.All(lanes, lane => Assert.Equal(0, lane & 1));
    }

    [Fact]
    public void What_is_written_of_a_flow_in_bulk_and_of_no_other_puts_it_into_the_queue_for_bulk()
    {
        byte[] acknowledgement = Packet.Tcp(Theirs, Ours, [], new TcpFields { Flags = Packet.Ack }), other = Packet.Udp(Theirs, Ours, [7]);
        Super.Bytes.AsSpan(22, 2).CopyTo(acknowledgement.AsSpan(20));
        Super.Bytes.AsSpan(20, 2).CopyTo(acknowledgement.AsSpan(22));

        Receive(acknowledgement);
        Assert.Equal([false], Written());
        _node.Tun.Send(Super.Bytes, Super.Header);
        _node.TurnOutbound();
        Receive(acknowledgement);
        Receive(other);
        Assert.Equal([true, false], Written());
    }

    private void Receive(byte[] packet)
    {
        _node.Underlay.Inject(Nodes.Frame(2, 1, packet), Nodes.Endpoint(2));
        Assert.Equal(0, _node.TurnInbound().Dropped);
    }

    private List<bool> Written() => [.. _node.Tun.TakeQueued().Select(written => written.IsBulk)];
}
