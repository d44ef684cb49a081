using Overlay.Encap.Buffers;
using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Tests.Flow;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Volume;

/// <summary>FAULTS S5: a million forged datagrams of each kind through the whole inbound loop, none of which reaches the device.</summary>
public sealed class ForgeryTests
{
    private const int Forged = 1_000_000, PerBuffer = 400, BuffersPerTurn = 50;

    private static readonly byte[] Genuine = Nodes.Frame(2, 1, Packet.Udp(Nodes.Address(2, 2), Nodes.Address(1, 2), Packet.Payload(16)));

    [Fact]
    public void S5_nothing_is_delivered_of_an_attacker_who_is_no_vtep()
    {
        Dice dice = new(5);
        FlowSnapshot counts = Flood(SourceCheck.Off, _ => Genuine, () =>
        {
            uint from = dice.Next(4) switch
            {
                0 => Nodes.Endpoint(1),                     // our own address
                1 => Nodes.Endpoint(7 + dice.Next(200)),    // a neighbour on the same wire
                2 => dice.Any<uint>([0, 0xFFFF_FFFF, Packet.Ip("127.0.0.1"), Packet.Ip("224.0.0.1"), Nodes.Address(2, 1)]),
                _ => (uint)dice.Next() | 0x0800_0000,       // anybody; never 192.168.0.x
            };
            return from;
        });
        AssertDropped(counts, DropReason.UnknownVtep, DropReason.Self);
    }

    [Theory]
    [InlineData(SourceCheck.Strict)]
    [InlineData(SourceCheck.AntiSpoof)]
    [InlineData(SourceCheck.Off)]
    public void S5_nothing_is_delivered_of_a_vtep_that_uses_anothers_source(SourceCheck check)
    {
        // Leased to others in every mode; unleased ones of the network unless nothing is checked, outside ones if all is.
        uint[] sources =
        [
            .. new[] { 1, 3, 4, 5, 6 }.SelectMany(node => Enumerable.Range(0, 256).Select(host => Nodes.Address(node, host))),
            .. check == SourceCheck.Off ? [] : Enumerable.Range(7, 240).Select(node => Nodes.Address(node, 9)),
            .. check == SourceCheck.Strict ? new[] { "8.8.8.8", "10.4.2.2", "172.16.9.9", "192.168.0.2", "192.168.0.3" }.Select(Packet.Ip) : [],
        ];
        Dice dice = new(55);
        byte[][] frames = [.. sources.Select(source => Nodes.Frame(2, 1, Packet.Udp(source, Nodes.Address(1, 2), Packet.Payload(16))))];
        FlowSnapshot counts = Flood(check, _ => frames[dice.Next(frames.Length)], () => Nodes.Endpoint(2));
        AssertDropped(counts, DropReason.SpoofPeer, DropReason.SpoofSelf, DropReason.SpoofUnleased, DropReason.SpoofOutside, DropReason.Martian);
    }

    private static void AssertDropped(FlowSnapshot counts, params DropReason[] reasons)
    {
        Assert.All(counts.DropsByReason, drop => Assert.Contains(drop.Reason, reasons));
        Assert.Equal(Forged, counts.Dropped);
    }

    // Behind each turn of forged datagrams comes a genuine one, so that a node that delivers nothing at all fails.
    private static FlowSnapshot Flood(SourceCheck check, Func<int, byte[]> forge, Func<uint> from)
    {
        NodeUnderTest node = new(nodes: NaiveNode.Count, check: check);
        node.Tun.Discards = true;
        byte[] buffer = new byte[Genuine.Length * PerBuffer];
        int genuine = 0;
        FlowSnapshot counts = node.TurnInbound();
        for (int sent = 0; sent < Forged;)
        {
            for (int i = 0; i < BuffersPerTurn; i++, sent += PerBuffer)
            {
                for (int at = 0; at < buffer.Length; at += Genuine.Length) forge(at).CopyTo(buffer, at);
                node.Underlay.Inject(buffer, new Datagram(buffer.Length, Genuine.Length, from(), 0, false));
            }
            node.Underlay.Inject(Genuine, Nodes.Endpoint(2));
            genuine++;
            counts = node.TurnInbound();
            Assert.Equal((genuine, genuine), (counts.Delivered, node.Tun.WrittenCount));
        }
        return counts;
    }
}
