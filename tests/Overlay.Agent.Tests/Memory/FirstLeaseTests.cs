using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Agent.Configuration;
using Overlay.Agent.Memory;
using Overlay.Agent.State;
using Overlay.Agent.Tests.Support;
using Overlay.Encap.Wire;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Agent.Tests.Memory;

/// <summary>A start of a node that had 10.1.5.0/24, with an etcd that can be read.</summary>
public sealed class FirstLeaseTests : IDisposable
{
    private static readonly IPNetwork Ours = IPNetwork.Parse("10.1.5.0/24");
    private static readonly IPAddress Address = IPAddress.Parse("192.168.0.1");
    private static readonly NetworkConfig Config = NetworkConfig.Parse("""{"Network":"10.1.0.0/16"}"""u8);

    private readonly TempFolder _folder = new();
    private readonly MemoryLeaseStore _store = new(TimeProvider.System);
    private readonly AgentState _state = new(new string('a', 32), new MacAddress(0x020000000001)) { Subnet = Ours, EtcdLeaseId = 4711 };

    public FirstLeaseTests() => Assert.True(new StateFile(_folder.Path).TrySave(_state, out _));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("grant", false)]
    [InlineData("put", false)]
    [InlineData("keepalive", true)]
    [InlineData("read", false)]
    public async Task C11_R6_etcd_that_can_be_read_and_not_written_holds_up_no_node_whose_subnet_is_its_own(string refused, bool stands)
    {
        if (stands) Put("10.1.5.0-24", "192.168.0.1", _state.NodeId);
        Put("10.1.6.0-24", "192.168.0.2");
        _store.Fault = (operation, _) => operation == refused ? new StoreException(StoreFault.OutOfSpace, "full") : null;
        FirstLease first = await TakeAsync(TestContext.Current.CancellationToken);
        Assert.Equal((Ours, 4711, true, "full"), (first.Lease.Subnet, first.Lease.EtcdLeaseId, first.IsEarlier, first.Trouble));
    }

    [Fact]
    public async Task What_etcd_confirms_is_better_than_any_earlier_lease()
    {
        FirstLease first = await TakeAsync(TestContext.Current.CancellationToken);
        Assert.Equal((Ours, false, null), (first.Lease.Subnet, first.IsEarlier, first.Trouble));
        Assert.Equal(first.Lease.EtcdLeaseId, _store.Get("subnets/10.1.5.0-24")!.EtcdLeaseId);
    }

    [Theory]
    [InlineData("10.1.5.0-24", "192.168.0.2", null)] // another node has it
    [InlineData("10.1.4.0-23", "192.168.0.2", null)] // or a part of it
    [InlineData("10.1.7.0-24", "192.168.0.1", null)] // we have another
    public async Task C5_a_subnet_that_is_not_this_nodes_own_any_more_is_not_gone_on_with(string key, string publicIp, string? nodeId)
    {
        Put(key, publicIp, nodeId);
        _store.Fault = (operation, _) => operation is "grant" or "put" ? new StoreException(StoreFault.OutOfSpace, "full") : null;
        Task<FirstLease> taking = TakeAsync(TestContext.Current.CancellationToken);
        await Task.Delay(2 * StartDecision.Patience, TestContext.Current.CancellationToken);
        Assert.False(taking.IsCompleted);
        _store.Fault = null;
        FirstLease first = await taking;
        Assert.NotEqual(Ours, first.Lease.Subnet);
        Assert.False(first.IsEarlier);
    }

    [Fact]
    public async Task C30_another_node_under_our_address_is_a_reason_to_refuse_and_not_to_go_on()
    {
        Put("10.1.7.0-24", "192.168.0.1", new string('b', 32));
        await Assert.ThrowsAsync<DuplicatePublicIpException>(() => TakeAsync(TestContext.Current.CancellationToken));
    }

    private void Put(string key, string publicIp, string? nodeId = null) => _store.Put(
        $"subnets/{key}", new LeaseAttributes { PublicIP = IPAddress.Parse(publicIp), BackendType = "vxlan", Vni = 1, VtepMac = _state.VtepMac.ToString(), NodeId = nodeId }.ToJson(), 7);

    private async Task<FirstLease> TakeAsync(CancellationToken cancel)
    {
        NodeMemory memory = NodeMemory.Load(
            new AgentOptions { Etcd = new EtcdSettings { Endpoints = [], Prefix = "/p" }, StateDirectory = _folder.Path, SubnetFile = _folder.File("subnet.env") },
            TimeProvider.System, NullLogger.Instance);
        List<Lease> read = [];
        foreach (StoreRecord record in _store.All(StorePaths.Subnets))
        {
            Assert.True(Lease.TryRead(record, out Lease? lease, out _));
            read.Add(lease);
        }
        LeaseAcquirer acquirer = new(_store, new LeaseTiming(), TimeProvider.System, NullLogger<LeaseAcquirer>.Instance);
        return await FirstLease.TakeAsync(
            acquirer, Config, memory.Attributes(Config, Address), memory, LeaseTable.Build(_store.Revision, read, Address), TimeProvider.System, cancel);
    }
}
