using System.Net;
using Overlay.Agent.Forwarding;
using Overlay.Subnet.Model;
using Overlay.Testing.Packets;

namespace Overlay.Agent.Tests.Forwarding;

public sealed class ForwardingProjectorTests
{
    private static readonly Dictionary<IPNetwork, uint> NobodyMoved = [];

    [Fact]
    public void Peers_become_remotes_and_our_own_lease_becomes_none()
    {
        Projection projection = Project(Leases.Of(1), Leases.Of(2), Leases.Of(3));

        Assert.Empty(projection.Skipped);
        Assert.Equal([Nodes.Remote(2), Nodes.Remote(3)], projection.Table.Remotes.ToArray().OrderBy(remote => remote.Endpoint));
        Assert.Equal(Nodes.Local(1), projection.Table.Local);
    }

    [Fact]
    public void E9_two_leases_of_one_public_ip_are_both_served()
    {
        LeaseAttributes node = Leases.Attributes(2);

        Projection projection = Project(Leases.With(2, node), Leases.With(3, node));

        Assert.Empty(projection.Skipped);
        Assert.Equal([Nodes.Subnet(2), Nodes.Subnet(3)], projection.Table.Remotes.ToArray().Select(remote => remote.Subnet).OrderBy(subnet => subnet.Address));
        Assert.All(projection.Table.Remotes.ToArray(), remote => Assert.Equal(Nodes.Endpoint(2), remote.Endpoint));
    }

    [Fact]
    public void E9_a_second_lease_of_our_own_public_ip_is_left_out()
    {
        Projection projection = Project(Leases.Of(1), Leases.With(2, Leases.Attributes(2) with { PublicIP = IPAddress.Parse("192.168.0.1") }));

        AssertSkipped(projection, "our own PublicIP");
    }

    [Theory]
    [InlineData("0.0.0.0", "no node's address")]
    [InlineData("0.1.2.3", "no node's address")]
    [InlineData("224.0.0.1", "no node's address")]
    [InlineData("255.255.255.255", "no node's address")]
    [InlineData("10.5.9.9", "inside of the overlay network")]
    [InlineData("10.5.2.1", "inside of the overlay network")]
    public void E9_an_address_that_no_packet_can_be_sent_to_is_left_out(string address, string reason)
    {
        Projection projection = Project(Leases.Of(1), Leases.With(2, Leases.Attributes(2) with { PublicIP = IPAddress.Parse(address) }));

        AssertSkipped(projection, reason);
    }

    // The lease table leaves these out already; the projector does not rely on it.
    [Fact]
    public void E9_a_loopback_address_reaches_no_remote()
    {
        Projection projection = Project(Leases.Of(1), Leases.With(2, Leases.Attributes(2) with { PublicIP = IPAddress.Loopback }));

        Assert.Empty(projection.Table.Remotes.ToArray());
    }

    [Fact]
    public void C26_a_lease_of_another_backend_is_left_out() =>
        AssertSkipped(Project(Leases.With(2, Leases.Attributes(2) with { BackendType = "host-gw" })), "host-gw");

    [Fact]
    public void C26_a_lease_without_backend_is_left_out() =>
        AssertSkipped(Project(Leases.With(2, Leases.Attributes(2) with { BackendType = null })), "its backend is none");

    [Fact]
    public void C26_a_lease_of_another_vni_is_left_out() =>
        AssertSkipped(Project(Leases.With(2, Leases.Attributes(2) with { Vni = 2 })), "its VNI is 2, ours is 1");

    [Fact]
    public void C26_a_lease_without_vni_is_served() =>
        Assert.Equal([Nodes.Remote(2)], Project(Leases.With(2, Leases.Attributes(2) with { Vni = null })).Table.Remotes.ToArray());

    [Theory]
    [InlineData("00:00:00:00:00:00")]
    [InlineData("01:00:5e:00:00:01")]
    [InlineData("ff:ff:ff:ff:ff:ff")]
    [InlineData("02:00:00")]
    [InlineData(null)]
    public void C26_a_mac_that_no_vtep_can_have_is_left_out(string? mac) =>
        AssertSkipped(Project(Leases.With(2, Leases.Attributes(2) with { VtepMac = mac })), "not a unicast MAC");

    [Fact]
    public void C26_our_own_mac_is_left_out() =>
        AssertSkipped(Project(Leases.With(2, Leases.Attributes(2) with { VtepMac = Nodes.Mac(1).ToString() })), "cloned");

    [Theory]
    [InlineData("10.6.2.0/24", "not inside of the overlay network")]
    [InlineData("10.0.0.0/8", "not inside of the overlay network")]
    [InlineData("10.5.1.128/25", "overlaps with ours")]
    [InlineData("10.5.0.0/23", "overlaps with ours")]
    [InlineData("10.5.1.0/24", "overlaps with ours")]
    public void C27_a_subnet_in_the_wrong_place_is_left_out(string subnet, string reason) =>
        AssertSkipped(Project(Leases.At(subnet, Leases.Attributes(2))), reason);

    [Fact]
    public void E10_a_peer_that_moved_keeps_its_former_address_as_a_source()
    {
        Dictionary<IPNetwork, uint> moved = new() { [IPNetwork.Parse("10.5.2.0/24")] = Nodes.Endpoint(200) };

        Projection projection = ForwardingProjector.Project(Nodes.Local(1), Leases.Table(Leases.Of(2), Leases.Of(3)), moved);

        Assert.True(projection.Table.IsVtep(Nodes.Endpoint(200)));
        Assert.Equal(Nodes.Endpoint(200), projection.Table.Remotes[projection.Table.FindRemote(Nodes.Address(2, 5))].PreviousEndpoint);
        Assert.Equal(0u, projection.Table.Remotes[projection.Table.FindRemote(Nodes.Address(3, 5))].PreviousEndpoint);
    }

    private static Projection Project(params IEnumerable<Lease> leases) =>
        ForwardingProjector.Project(Nodes.Local(1), Leases.Table(leases), NobodyMoved);

    private static void AssertSkipped(Projection projection, string reason)
    {
        Assert.Contains(reason, Assert.Single(projection.Skipped).Reason, StringComparison.Ordinal);
        Assert.Empty(projection.Table.Remotes.ToArray());
    }
}
