using System.Net;
using Microsoft.Extensions.Time.Testing;
using Overlay.Agent.Forwarding;
using Overlay.Encap.Forwarding;
using Overlay.Subnet.Model;
using Overlay.Testing.Packets;

namespace Overlay.Agent.Tests.Forwarding;

public sealed class ForwarderTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly LineLogger _log = new();
    private readonly Forwarder _forwarder;

    public ForwarderTests() => _forwarder = new Forwarder(Nodes.Local(1), _time, _log);

    private ForwardingTable Table => _forwarder.Table.Current;

    public void Dispose() => _forwarder.Dispose();

    [Fact]
    public void Before_the_first_leases_the_filter_is_on_and_nobody_passes()
    {
        Assert.Equal(0, _forwarder.Peers);
        Assert.False(Table.IsVtep(Nodes.Endpoint(2)));
        Assert.Equal(Nodes.Local(1), Table.Local);
    }

    [Fact]
    public void An_update_takes_and_removes_peers()
    {
        _forwarder.Update(Leases.Table(Leases.Of(1), Leases.Of(2), Leases.Of(3)));
        Assert.Equal(2, _forwarder.Peers);

        _forwarder.Update(Leases.Table(Leases.Of(1), Leases.Of(3)));
        Assert.Equal([Nodes.Remote(3)], Table.Remotes.ToArray());
        Assert.False(Table.IsVtep(Nodes.Endpoint(2)));
    }

    [Fact]
    public void E10_a_former_address_is_a_source_for_the_grace_time_and_not_longer()
    {
        _forwarder.Update(Leases.Table(Leases.Of(2)));
        _forwarder.Update(Leases.Table(MovedTo(22)));

        Assert.Equal(Nodes.Endpoint(22), Table.Remotes[0].Endpoint);
        Assert.True(Table.IsVtep(Nodes.Endpoint(2)));
        _time.Advance(Forwarder.Grace - TimeSpan.FromMilliseconds(1));
        Assert.True(Table.IsVtep(Nodes.Endpoint(2)));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(Table.IsVtep(Nodes.Endpoint(2)));
        Assert.True(Table.IsVtep(Nodes.Endpoint(22)));
    }

    [Fact]
    public void E10_the_grace_of_one_peer_is_not_cut_short_by_another()
    {
        _forwarder.Update(Leases.Table(Leases.Of(2), Leases.Of(3)));
        _forwarder.Update(Leases.Table(MovedTo(22), Leases.Of(3)));
        _time.Advance(Forwarder.Grace / 2);
        _forwarder.Update(Leases.Table(MovedTo(22), Leases.With(3, Leases.Attributes(3) with { PublicIP = IPAddress.Parse("192.168.0.33") })));
        _time.Advance(Forwarder.Grace - TimeSpan.FromMilliseconds(1));

        Assert.True(Table.IsVtep(Nodes.Endpoint(3)));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(Table.IsVtep(Nodes.Endpoint(2)));
        Assert.False(Table.IsVtep(Nodes.Endpoint(3)));
    }

    [Fact]
    public void E10_the_grace_of_one_peer_is_not_lengthened_by_others()
    {
        _forwarder.Update(Leases.Table(Leases.Of(2), Leases.Of(3)));
        _forwarder.Update(Leases.Table(MovedTo(22), Leases.Of(3)));
        for (int second = 1; second <= 9; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            _forwarder.Update(Leases.Table(MovedTo(22), Leases.With(3, Leases.Attributes(3) with { PublicIP = IPAddress.Parse($"192.168.0.{100 + second}") })));
        }
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.False(Table.IsVtep(Nodes.Endpoint(2)));
        Assert.True(Table.IsVtep(Nodes.Endpoint(108)));
        _time.Advance(Forwarder.Grace);
        Assert.False(Table.IsVtep(Nodes.Endpoint(108)));
    }

    // The former holder of a subnet is no former address of the new one.
    [Fact]
    public void E11_a_subnet_that_another_node_takes_brings_no_grace_with_it()
    {
        _forwarder.Update(Leases.Table(Leases.Of(2)));
        _forwarder.Update(Leases.Table(Leases.With(2, Leases.Attributes(4))));

        Assert.False(Table.IsVtep(Nodes.Endpoint(2)));
        Assert.Equal(Nodes.Endpoint(4), Table.Remotes[0].Endpoint);
    }

    [Fact]
    public void E11_a_peer_that_goes_takes_its_grace_with_it()
    {
        _forwarder.Update(Leases.Table(Leases.Of(2)));
        _forwarder.Update(Leases.Table(MovedTo(22)));
        _forwarder.Update(Leases.Table());
        _forwarder.Update(Leases.Table(Leases.With(2, Leases.Attributes(4))));

        Assert.False(Table.IsVtep(Nodes.Endpoint(2)));
        Assert.False(Table.IsVtep(Nodes.Endpoint(22)));
    }

    // A batch that began under the old table ends under it: its indices are the old table's.
    [Fact]
    public void E11_a_table_in_use_does_not_change()
    {
        _forwarder.Update(Leases.Table(Leases.Of(2), Leases.Of(3)));
        ForwardingTable held = Table;
        int index = held.FindRemote(Nodes.Address(2, 5));

        _forwarder.Update(Leases.Table(Leases.Of(3), Leases.Of(4)));

        Assert.NotSame(held, Table);
        Assert.Equal(Nodes.Remote(2), held.Remotes[index]);
        Assert.Equal(PrefixMap.None, Table.FindRemote(Nodes.Address(2, 5)));
    }

    [Fact]
    public void C5_suspended_nothing_passes_until_the_node_has_moved()
    {
        _forwarder.Update(Leases.Table(Leases.Of(2)));
        _forwarder.Suspend();
        Assert.Equal(0, _forwarder.Peers);
        Assert.False(Table.IsVtep(Nodes.Endpoint(2)));

        _forwarder.Update(Leases.Table(Leases.Of(2), Leases.Of(3)));
        Assert.Equal(0, _forwarder.Peers);

        _forwarder.Move(Nodes.Subnet(9));
        Assert.Equal(Nodes.Subnet(9), Table.Local.Subnet);
        Assert.Equal(2, _forwarder.Peers);
    }

    [Fact]
    public void C5_after_the_move_the_new_holder_of_the_old_subnet_is_a_peer()
    {
        Lease taken = Leases.With(1, Leases.Attributes(2));
        _forwarder.Update(Leases.Table(taken));
        Assert.Equal(0, _forwarder.Peers);
        _forwarder.Suspend();

        _forwarder.Move(Nodes.Subnet(9));

        Assert.Equal(Nodes.Endpoint(2), Table.Remotes[Table.FindRemote(Nodes.Address(1, 5))].Endpoint);
    }

    [Fact]
    public void C26_a_lease_that_is_left_out_is_named_once_for_as_long_as_it_is()
    {
        Lease bad = Leases.With(2, Leases.Attributes(2) with { Vni = 7 });
        _forwarder.Update(Leases.Table(bad));
        _forwarder.Update(Leases.Table(bad, Leases.Of(3)));
        Assert.Single(_log.Lines, line => line.Contains("10.5.2.0-24", StringComparison.Ordinal) && line.Contains("VNI is 7", StringComparison.Ordinal));

        _forwarder.Update(Leases.Table(Leases.Of(2)));
        _forwarder.Update(Leases.Table(bad));
        Assert.Equal(2, _log.Lines.Count);
    }

    private static Lease MovedTo(int address) => Leases.With(2, Leases.Attributes(2) with { PublicIP = IPAddress.Parse($"192.168.0.{address}") });
}
