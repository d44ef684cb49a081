using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Wire;

public sealed class FlowHashTests
{
    private static readonly uint A = Nodes.Address(1, 2), B = Nodes.Address(2, 2);

    [Fact]
    public void All_packets_of_a_flow_hash_alike()
    {
        uint first = FlowHash.Of(Packet.Tcp(A, B, Packet.Payload(10)));
        Assert.Equal(first, FlowHash.Of(Packet.Tcp(A, B, Packet.Payload(900, 5), new TcpFields { Sequence = 9, Flags = Packet.Fin }, new IPv4Fields { Id = 1, Tos = 3 })));
    }

    [Fact]
    public void D8_all_fragments_of_a_packet_hash_alike()
    {
        uint[] hashes = [.. new ushort[] { 0x2000, 0x2010, 0x0020 }.Select((fragment, i) =>
            FlowHash.Of(Packet.Udp(A, B, Packet.Payload(64, i), 1000 + i, ip: new IPv4Fields { Fragment = fragment })))];
        Assert.Single(hashes.Distinct());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(17)]
    [InlineData(132)]
    [InlineData(0)]
    [InlineData(255)]
    public void D9_a_body_too_short_for_ports_hashes_by_addresses(byte protocol) =>
        Assert.Equal(FlowHash.Of(Packet.IPv4(A, B, protocol, [1, 2, 3])), FlowHash.Of(Packet.IPv4(A, B, protocol, [9, 8])));

    [Fact]
    public void Both_directions_of_a_flow_hash_alike_where_they_shall_and_flows_that_differ_do_not()
    {
        byte[] there = Packet.Udp(A, B, [1], 7, 9), back = Packet.Udp(B, A, [2, 3], 9, 7);
        Assert.Equal(FlowHash.OfBothWays(there), FlowHash.OfBothWays(back));
        Assert.Equal(1000, Enumerable.Range(0, 1000).Select(port => FlowHash.OfBothWays(Packet.Udp(A, B, [1], port, 9))).Distinct().Count());
        Assert.Equal(250, Enumerable.Range(3, 250).Select(host => FlowHash.OfBothWays(Packet.Udp(A, Nodes.Address(2, host), [1], 7, 9))).Distinct().Count());
    }

    [Fact]
    public void Flows_spread_over_lanes()
    {
        int[] lanes = new int[4];
        for (int port = 0; port < 4000; port++) lanes[(int)((ulong)FlowHash.Of(Packet.Udp(A, B, [1], 30_000 + port)) * 4 >> 32)]++;
        Assert.All(lanes, flows => Assert.InRange(flows, 800, 1200));
    }
}
