using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Codec;

/// <summary>FAULTS 2E: who may send what.</summary>
public sealed class PolicyTests
{
    private static readonly uint Outside = Packet.Ip("172.16.9.9"), Unleased = Packet.Ip("10.5.77.1");

    private static DropReason From(uint source, SourceCheck check) => Judged.OfPacket(Packet.Udp(source, Judged.Ours, [1]), check).Reason;

    [Theory]
    [InlineData(SourceCheck.Strict)]
    [InlineData(SourceCheck.AntiSpoof)]
    [InlineData(SourceCheck.Off)]
    public void E1_E2_E3_leases_bind_in_every_mode(SourceCheck check)
    {
        Assert.Equal(DropReason.None, From(Judged.Theirs, check));
        Assert.Equal(DropReason.None, From(Nodes.Address(2, 0), check));
        Assert.Equal(DropReason.SpoofPeer, From(Nodes.Address(3, 2), check));
        Assert.Equal(DropReason.SpoofSelf, From(Nodes.Address(1, 3), check));
    }

    [Theory]
    [InlineData(SourceCheck.Strict, DropReason.SpoofUnleased)]
    [InlineData(SourceCheck.AntiSpoof, DropReason.SpoofUnleased)]
    [InlineData(SourceCheck.Off, DropReason.None)]
    public void E4_unleased_sources_pass_only_where_nothing_is_checked(SourceCheck check, DropReason expected) => Assert.Equal(expected, From(Unleased, check));

    [Theory]
    [InlineData(SourceCheck.Strict, DropReason.SpoofOutside)]
    [InlineData(SourceCheck.AntiSpoof, DropReason.None)]
    [InlineData(SourceCheck.Off, DropReason.None)]
    public void E5_outside_sources_pass_unless_strict(SourceCheck check, DropReason expected) => Assert.Equal(expected, From(Outside, check));

    [Theory]
    [InlineData("10.5.2.9")]
    [InlineData("10.5.3.9")]
    [InlineData("10.5.77.9")]
    [InlineData("10.5.0.255")]
    [InlineData("8.8.8.8")]
    [InlineData("169.254.169.254")]
    public void E6_a_destination_outside_of_our_lease_is_not_ours(string destination) =>
        Assert.Equal(DropReason.NotOurs, Judged.OfPacket(Packet.Udp(Judged.Theirs, Packet.Ip(destination), [1])).Reason);

    [Fact]
    public void E9_a_node_with_two_leases_speaks_for_both()
    {
        ForwardingTable table = new(Nodes.Local(1), [Nodes.Remote(2), Nodes.Remote(3) with { Endpoint = Nodes.Endpoint(2), Mac = Nodes.Mac(2) }]);
        foreach (int lease in new[] { 2, 3 })
            Assert.Equal(DropReason.None, Judged.Of(Nodes.Frame(2, 1, Packet.Udp(Nodes.Address(lease, 2), Judged.Ours, [1])), table: table).Reason);
    }

    [Fact]
    public void E10_packets_from_the_previous_endpoint_pass_while_it_is_named()
    {
        ForwardingTable moved = new(Nodes.Local(1), [Nodes.Remote(2) with { Endpoint = Nodes.Endpoint(20), PreviousEndpoint = Nodes.Endpoint(2) }, Nodes.Remote(3)]);
        Assert.Equal(DropReason.None, Judged.Of(Judged.Good(), Nodes.Endpoint(2), moved).Reason);
        Assert.Equal(DropReason.None, Judged.Of(Judged.Good(), Nodes.Endpoint(20), moved).Reason);
        Assert.Equal(DropReason.SpoofPeer, Judged.Of(Judged.Good(), Nodes.Endpoint(3), moved).Reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(254)]
    public void E13_the_agents_own_addresses_are_delivered_to(int host) =>
        Assert.Equal(DropReason.None, Judged.OfPacket(Packet.Ping(Judged.Theirs, Nodes.Address(1, host))).Reason);

    [Theory]
    [InlineData("10.5.77.1", DropReason.NoRoute)]
    [InlineData("8.8.8.8", DropReason.NoRoute)]
    [InlineData("10.5.1.9", DropReason.NoRoute)]
    [InlineData("224.0.0.22", DropReason.MartianDst)]
    [InlineData("255.255.255.255", DropReason.MartianDst)]
    [InlineData("10.5.2.9", DropReason.None)]
    public void E7_outbound_a_destination_needs_a_lease(string destination, DropReason expected)
    {
        byte[] packet = Packet.Udp(Judged.Ours, Packet.Ip(destination), [1]);
        Assert.Equal(expected, Encapsulator.Route(packet, Nodes.Table(1), out int remote, out int length));
        Assert.Equal(packet.Length, length);
        Assert.Equal(expected == DropReason.None, remote >= 0);
    }

    [Theory]
    [InlineData("10.5.3.1", SourceCheck.Strict, DropReason.ForeignSource)]
    [InlineData("10.5.3.1", SourceCheck.AntiSpoof, DropReason.ForeignSource)]
    [InlineData("10.5.3.1", SourceCheck.Off, DropReason.ForeignSource)]
    [InlineData("10.5.77.1", SourceCheck.Strict, DropReason.ForeignSource)]
    [InlineData("10.5.77.1", SourceCheck.AntiSpoof, DropReason.ForeignSource)]
    [InlineData("10.5.77.1", SourceCheck.Off, DropReason.None)]
    [InlineData("172.16.9.9", SourceCheck.Strict, DropReason.ForeignSource)]
    [InlineData("172.16.9.9", SourceCheck.AntiSpoof, DropReason.None)]
    [InlineData("172.16.9.9", SourceCheck.Off, DropReason.None)]
    [InlineData("127.0.0.1", SourceCheck.Off, DropReason.Martian)]
    [InlineData("10.5.1.1", SourceCheck.Strict, DropReason.None)]
    public void E8_outbound_sources_are_held_to_the_same_modes(string source, SourceCheck check, DropReason expected) =>
        Assert.Equal(expected, Encapsulator.Route(Packet.Udp(Packet.Ip(source), Judged.Theirs, [1]), Nodes.Table(1, check: check), out _, out _));

    [Theory]
    [InlineData(0x60, DropReason.Family)]
    [InlineData(0x50, DropReason.Version)]
    [InlineData(0x44, DropReason.IpHeader)]
    public void Outbound_what_is_no_ipv4_packet_is_dropped(byte first, DropReason expected)
    {
        byte[] packet = Packet.Udp(Judged.Ours, Judged.Theirs, [1]);
        packet[0] = first;
        Assert.Equal(expected, Encapsulator.Route(packet, Nodes.Table(1), out _, out _));
    }

    [Fact]
    public void The_headers_are_the_peers_and_ours()
    {
        byte[] headers = new byte[22];
        Encapsulator.WriteHeaders(headers, Nodes.Table(1), Nodes.Remote(2));
        Assert.Equal(Nodes.Frame(1, 2, []), headers);
    }
}
