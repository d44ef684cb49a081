using Overlay.Encap.Fairness;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Fairness;

/// <summary>When a flow counts as in bulk.</summary>
public sealed class BulkFlowsTests
{
    private static readonly uint A = Nodes.Address(1, 5), B = Nodes.Address(2, 7);

    private readonly BulkFlows _flows = new();

    [Fact]
    public void A_large_packet_puts_its_flow_in_bulk_for_both_directions_and_no_other()
    {
        Assert.False(_flows.Leaves(Tcp(A, B, 100), 1000));
        Assert.True(_flows.Leaves(Tcp(A, B, 60_000), 1000));
        Assert.True(_flows.Leaves(Tcp(A, B, 100), 1001));
        Assert.True(_flows.Contains(Tcp(B, A, 0, 2000, 1000), 1001));
        Assert.False(_flows.Contains(Tcp(B, A, 0, 2000, 1001), 1001));
        Assert.False(_flows.Leaves(Tcp(A, B, 100, 1001), 1001));
        Assert.False(_flows.Contains(Packet.IPv4(B, A, 1, Packet.Payload(64)), 1001));
    }

    [Fact]
    public void A_flow_leaves_bulk_when_its_last_large_packet_is_long_enough_ago()
    {
        _flows.Leaves(Tcp(A, B, 60_000), 1000);
        _flows.Leaves(Tcp(A, B, 60_000), 1100);
        _flows.Leaves(Tcp(A, B, 100), 1150);
        Assert.True(_flows.Leaves(Tcp(A, B, 100), 1100 + BulkFlows.Lasts - 1));
        Assert.False(_flows.Leaves(Tcp(A, B, 100), 1100 + BulkFlows.Lasts));
        Assert.False(_flows.Contains(Tcp(B, A, 0, 2000, 1000), 1100 + BulkFlows.Lasts));
    }

    [Fact]
    public void What_is_received_in_bulk_does_not_put_what_leaves_in_bulk()
    {
        Assert.False(_flows.Contains(Tcp(B, A, 60_000, 2000, 1000), 1000));
        Assert.False(_flows.Leaves(Tcp(A, B, 0), 1001));
    }

    [Fact]
    public void Among_many_flows_in_bulk_few_others_are_taken_for_one()
    {
        for (int port = 0; port < 40; port++) _flows.Leaves(Tcp(A, B, 9000, 40_000 + port), 1000);
        int mistaken = Enumerable.Range(0, 1000).Count(port => _flows.Leaves(Tcp(A, B, 100, 2000 + port), 1001));
        Assert.InRange(mistaken, 0, 40);   // 1 % on average: 40 of 4096 places are taken
    }

    private static byte[] Tcp(uint source, uint destination, int payload, int sourcePort = 1000, int destinationPort = 2000)
    {
        byte[] packet = Packet.Tcp(source, destination, Packet.Payload(payload));
        (packet[20], packet[21]) = ((byte)(sourcePort >> 8), (byte)sourcePort);
        (packet[22], packet[23]) = ((byte)(destinationPort >> 8), (byte)destinationPort);
        return packet;
    }
}
