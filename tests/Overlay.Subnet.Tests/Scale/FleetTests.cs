using System.Diagnostics;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Etcd;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Scale;

/// <summary>Many nodes at once on a real etcd; <c>bench/Overlay.Scale</c> measures the same in full size.</summary>
public sealed class FleetTests : IAsyncDisposable
{
    private static readonly NetworkConfig Network = Some.Config; // a /16: 255 subnets
    private readonly List<LeaseClient> _nodes = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync() => await Task.WhenAll(_nodes.Select(node => node.DisposeAsync().AsTask()));

    [Fact]
    public async Task C28_C29_R11_R12_300_nodes_race_for_255_subnets_45_wait_and_one_gets_what_is_freed()
    {
        await using EtcdServer server = await StartAsync();
        _nodes.AddRange(Enumerable.Range(0, 300).Select(i => new LeaseClient(server.Options, i)));
        List<Task<OwnLease>> tasks = [.. _nodes.Select(node => node.AcquireAsync(Network, Cancel))];
        await Eventually.TrueAsync(() => _nodes.Count(node => node.WaitingFor?.StartsWith("out of subnets: all 255", StringComparison.Ordinal) == true) == 45, "45 wait");
        OwnLease[] leases = [.. tasks.Where(task => task.IsCompletedSuccessfully).Select(task => task.Result)];
        Assert.Equal(255, leases.Length);
        Assert.Equal(255, leases.Select(lease => lease.Subnet).Distinct().Count());
        Assert.DoesNotContain(tasks, task => task.IsFaulted);

        await server.CtlAsync(Cancel, "del", $"/coreos.com/network/subnets/{leases[0].Key.Name}");
        await Eventually.TrueAsync(() => tasks.Count(task => task.IsCompletedSuccessfully) == 256, "the freed one is taken");
        Assert.Equal(leases[0].Subnet, tasks.Where(task => task.IsCompleted).Select(task => task.Result).Except(leases).Single().Subnet);
        Assert.DoesNotContain(tasks, task => task.IsFaulted);
    }

    [Fact]
    public async Task C14_L3_R7_R10_20_nodes_keep_their_subnets_through_an_outage_and_the_loss_of_all_data()
    {
        await using EtcdServer server = await StartAsync();
        _nodes.AddRange(Enumerable.Range(0, 20).Select(i => new LeaseClient(server.Options, i)));
        OwnLease[] leases = await Task.WhenAll(_nodes.Select(node => node.StartAsync(Network, Cancel)));
        await Eventually.TrueAsync(() => _nodes.All(node => node.Watcher.Current.Leases.Count == 20 && node.Count<LeaseHappening.Renewed>() > 0), "all see all");

        await server.KillAsync();
        await Eventually.TrueAsync(() => _nodes.All(node => node.Count<LeaseHappening.EtcdUnreachable>() > 0), "all have noticed");
        server.DeleteData();
        await server.StartAgainAsync(Cancel);
        long start = Stopwatch.GetTimestamp();
        await Eventually.TrueAsync(() => _nodes.All(node => node.Count<LeaseHappening.Recreated>() > 0), "all have written their keys again");
        TestContext.Current.TestOutputHelper?.WriteLine($"all own keys present after {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");

        await Eventually.TrueAsync(() => _nodes.All(node => node.Watcher.Current.Leases.Count == 20 && node.Watcher.WaitingFor is null), "all see all again");
        Assert.Equal(leases.Select(lease => lease.Subnet), _nodes.Select(node => node.Keeper!.Lease.Subnet));
        Assert.Equal(0, _nodes.Sum(node => node.Count<LeaseHappening.Lost>() + node.Count<LeaseHappening.Moved>()));
        using EtcdLeaseStore store = EtcdFixture.Open(server.Options);
        StoreSnapshot stored = await store.ReadAsync(StorePaths.Subnets, Cancel);
        Assert.Equal(leases.Select(lease => lease.Key.Name).Order(), stored.Records.Select(record => StorePaths.SubnetName(record.Path)).Order());
    }

    [Fact]
    public async Task L4_P3_a_renewal_makes_no_watch_event()
    {
        await using EtcdServer server = await StartAsync();
        var node = new LeaseClient(server.Options, 1, new LeaseTiming { Ttl = TimeSpan.FromSeconds(3), RenewMargin = TimeSpan.Zero });
        _nodes.Add(node);
        OwnLease lease = await node.StartAsync(Network, Cancel);
        using EtcdLeaseStore store = EtcdFixture.Open(server.Options);
        await Eventually.TrueAsync(() => node.Count<LeaseHappening.Renewed>() >= 4, "renewed four times");

        StoreSnapshot after = await store.ReadAsync(StorePaths.Subnets, Cancel);
        Assert.Equal(lease.ModRevision, after.Revision); // nothing was written since, so there was nothing to watch
        Assert.Equal(lease.ModRevision, Assert.Single(after.Records).ModRevision);
    }

    [Fact]
    public async Task L1_P2_a_node_joins_5000_peers_with_at_most_10_calls()
    {
        await using EtcdServer server = await StartAsync();
        using var writer = new LeaseWriter(server.Options);
        await writer.PutConfigAsync();
        await writer.PutAsync(Enumerable.Range(0, 5000), LeaseClient.AttributesOf);
        Dictionary<string, long> before = await writer.CountCallsAsync(Cancel);

        var node = new LeaseClient(server.Options, 5000);
        _nodes.Add(node);
        await node.StartAsync(Some.Parse(LeaseWriter.Config), Cancel);
        await Eventually.TrueAsync(() => node.Watcher.Current.Leases.Count == 5001 && node.Watcher.WaitingFor is null && node.Count<LeaseHappening.Renewed>() > 0, "running");

        Dictionary<string, long> calls = (await writer.CountCallsAsync(Cancel)).ToDictionary(call => call.Key, call => call.Value - before.GetValueOrDefault(call.Key));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", calls.Where(call => call.Value > 0).Select(call => $"{call.Key} {call.Value}")));
        Assert.InRange(calls.Values.Sum(), 1, 8); // the network config is two more: one to read, one to watch
    }

    private static async Task<EtcdServer> StartAsync()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        return await EtcdServer.StartAsync(Cancel);
    }
}
