using Overlay.Encap.Forwarding;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Forwarding;

public sealed class ForwardingTableTests
{
    [Fact]
    public void Without_peers_it_knows_nobody()
    {
        ForwardingTable table = new(Nodes.Local(1), []);
        Assert.Equal(PrefixMap.None, table.FindRemote(Nodes.Address(2, 2)));
        Assert.False(table.IsVtep(Nodes.Endpoint(2)));
        Assert.False(table.IsVtep(0));
    }

    [Fact]
    public void E9_two_leases_of_one_endpoint_are_both_served()
    {
        ForwardingTable table = new(Nodes.Local(1), [Nodes.Remote(2), Nodes.Remote(3) with { Endpoint = Nodes.Endpoint(2) }]);
        Assert.Equal(0, table.FindRemote(Nodes.Address(2, 9)));
        Assert.Equal(1, table.FindRemote(Nodes.Address(3, 9)));
        Assert.True(table.IsVtep(Nodes.Endpoint(2)));
        Assert.False(table.IsVtep(Nodes.Endpoint(3)));
    }

    [Fact]
    public void E10_the_previous_endpoint_is_a_vtep_only_while_it_is_named()
    {
        Assert.True(new ForwardingTable(Nodes.Local(1), [Nodes.Remote(2) with { PreviousEndpoint = 77 }]).IsVtep(77));
        Assert.False(Nodes.Table(1).IsVtep(77));
        Assert.False(Nodes.Table(1).IsVtep(0));
    }

    [Fact]
    public void The_header_is_that_of_the_vni() =>
        Assert.Equal(VxlanHeader.For(new Vni(42)), new ForwardingTable(Nodes.Local(1) with { Vni = new Vni(42) }, []).Header);

    [Fact]
    public void A_published_table_is_the_current_one()
    {
        ForwardingTable first = Nodes.Table(1), second = Nodes.Table(1);
        ForwardingTableRef reference = new(first);
        Assert.Same(first, reference.Current);
        reference.Publish(second);
        Assert.Same(second, reference.Current);
    }
}
