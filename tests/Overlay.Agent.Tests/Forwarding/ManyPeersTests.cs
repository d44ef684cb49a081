using System.Net;
using Microsoft.Extensions.Time.Testing;
using Overlay.Agent.Forwarding;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Wire;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Agent.Tests.Forwarding;

/// <summary>From leases to the forwarding table with as many peers as a /8 has room for.</summary>
public sealed class ManyPeersTests : IDisposable
{
    private static readonly IPAddress OwnAddress = IPAddress.Parse("192.168.0.1");

    private readonly LineLogger _log = new();
    private readonly Forwarder _forwarder;

    public ManyPeersTests() => _forwarder = new Forwarder(
        new LocalNode(new Prefix(10u << 24, 8), new Prefix((10u << 24) | 0xFF_FF00, 24), Prefix.AddressOf(OwnAddress), new MacAddress(0x0200_0000_FFFF), new Vni(1), SourceCheck.Strict),
        new FakeTimeProvider(), _log);

    public void Dispose() => _forwarder.Dispose();

    [Theory]
    [InlineData(255)]
    [InlineData(1000)]
    [InlineData(5000)]
    [InlineData(65_000)]
    public void L1_peers_are_loaded_replaced_and_removed_at_a_cost_that_is_linear(int peers)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        _forwarder.Update(TableOf(peers, shift: 0));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 3000L * peers);
        AssertFinds(peers, shift: 0);

        _forwarder.Update(TableOf(peers, shift: 7));
        AssertFinds(peers, shift: 7);

        _forwarder.Update(TableOf(1, shift: 7));
        Assert.Equal(1, _forwarder.Peers);
    }

    [Fact]
    public void L8_5000_leases_that_are_left_out_make_few_lines()
    {
        for (int round = 0; round < 3; round++)
        {
            _forwarder.Update(LeaseTable.Build(1, Leases(5000, 0).Select(lease => lease with { Attributes = lease.Attributes with { Vni = 7 } }), OwnAddress));
            Assert.Equal(0, _forwarder.Peers);
            _forwarder.Update(TableOf(5000, 0));
        }
        Assert.InRange(_log.Lines.Count, 1, 16);
    }

    private static LeaseTable TableOf(int peers, int shift) => LeaseTable.Build(1, Leases(peers, shift), OwnAddress);

    private static IEnumerable<Lease> Leases(int peers, int shift) => Enumerable.Range(0, peers).Select(
        node => new Lease(LeaseWriter.SubnetOf(node), LeaseClient.AttributesOf((node + shift) % peers), 7, node + 1, node + 1));

    private void AssertFinds(int peers, int shift)
    {
        ForwardingTable table = _forwarder.Table.Current;
        Assert.Equal(peers, table.Remotes.Length);
        for (int node = 0; node < peers; node++)
        {
            int index = table.FindRemote(Prefix.From(LeaseWriter.SubnetOf(node).Subnet).Address + 9);
            uint endpoint = Prefix.AddressOf(LeaseClient.AttributesOf((node + shift) % peers).PublicIP);
            if (index < 0 || table.Remotes[index].Endpoint != endpoint || !table.IsVtep(endpoint)) Assert.Fail($"peer {node} is not found");
        }
    }
}
