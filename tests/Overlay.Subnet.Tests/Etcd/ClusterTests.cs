using System.Collections.Concurrent;
using System.Diagnostics;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>A node's control plane on a cluster of three whose members die, freeze and come back, while keys are written all the time.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private static readonly NetworkConfig Network = Some.Parse(LeaseWriter.Config);

    private readonly CancellationTokenSource _stopWriting = new();
    private readonly ConcurrentDictionary<int, int> _written = new();
    private EtcdCluster? _cluster;
    private LeaseClient _node = null!;
    private OwnLease _lease = null!;
    private Task _writing = Task.CompletedTask;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private EtcdCluster Cluster => _cluster!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        _cluster = await EtcdCluster.StartAsync(Cancel);
        await JoinAsync(Cluster.Options);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopWriting.CancelAsync();
        await _writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_cluster is not null)
        {
            await _node.DisposeAsync();
            await _cluster.DisposeAsync();
        }
        _stopWriting.Dispose();
    }

    [Fact]
    public async Task C7_the_leader_killed_and_started_again_loses_no_event_and_writes_nothing_twice()
    {
        EtcdServer leader = await Cluster.FindLeaderAsync(Cancel);
        await leader.KillAsync();
        await SeesNewKeysAsync("the leader was killed");
        await leader.StartAgainAsync(Cancel);
        await SeesNewKeysAsync("it was started again");
        await AssertUnharmedAsync();
    }

    [Fact]
    public async Task C7_a_rolling_restart_of_all_members_loses_no_event_and_writes_nothing_twice()
    {
        foreach (EtcdServer member in Cluster.Members)
        {
            await member.KillAsync();
            await SeesNewKeysAsync("a member was killed");
            await member.StartAgainAsync(Cancel);
        }
        await SeesNewKeysAsync("all were restarted");
        await AssertUnharmedAsync();
    }

    [Fact]
    public async Task C7_with_all_members_but_one_dead_nothing_changes_until_there_is_a_majority_again()
    {
        await Cluster.Members[0].KillAsync();
        await Cluster.Members[1].KillAsync();
        await Assert.ThrowsAsync<StoreException>(async () =>
        {
            using EtcdLeaseStore store = EtcdFixture.Open(Cluster.Options);
            await store.ReadAsync(StorePaths.Subnets, Cancel); // linearizable: one member alone does not answer (C12)
        });
        await Cluster.Members[1].StartAgainAsync(Cancel);
        await SeesNewKeysAsync("two of three were there again");
        await Cluster.Members[0].StartAgainAsync(Cancel);
        await AssertUnharmedAsync();
    }

    [Fact]
    public async Task C7_two_of_three_endpoints_that_nobody_listens_on_are_no_hindrance()
    {
        string[] dead = [.. Enumerable.Range(0, 2).Select(_ => $"http://127.0.0.1:{EtcdServer.FreePort()}")];
        await using var other = new LeaseClient(new EtcdOptions { Endpoints = [.. dead, Cluster.Members[2].Endpoint] }, 50_001);
        OwnLease lease = await other.StartAsync(Network, Cancel);
        await Eventually.TrueAsync(() => other.Count<LeaseHappening.Renewed>() > 0, "renewed");
        await Eventually.TrueAsync(() => _node.Watcher.Current.Leases.ContainsKey(lease.Subnet), "the first node sees the second");
        await AssertUnharmedAsync(others: 1);
    }

    [Fact]
    public async Task C9_R9_a_frozen_leader_is_noticed_and_left_within_15_seconds()
    {
        EtcdServer leader = await Cluster.FindLeaderAsync(Cancel);
        await leader.SuspendAsync(Cancel);
        TimeSpan took = await SeesNewKeysAsync("the leader was frozen");
        await leader.ResumeAsync(Cancel);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(25)); // 15 for the stall to be noticed, the rest for a busy machine
        await AssertUnharmedAsync();
    }

    [Fact]
    public async Task C7_C9_a_frozen_member_keeps_no_node_from_reading_and_fails_one_write_of_it_at_most()
    {
        EtcdServer leader = await Cluster.FindLeaderAsync(Cancel);
        EtcdServer frozen = Cluster.Members.First(member => member != leader);
        await frozen.SuspendAsync(Cancel);
        int[] lost = await Task.WhenAll(Enumerable.Range(0, 8).Select(async node =>
        {
            using EtcdLeaseStore store = EtcdFixture.Open(new EtcdOptions { Endpoints = Cluster.Options.Endpoints, RequestTimeout = TimeSpan.FromSeconds(2) });
            int timeouts = 0;
            for (int call = 0; call < 4; call++)
            {
                if (node % 2 == 0)
                    await store.ReadAsync(StorePaths.Config, Cancel);
                try
                {
                    await store.PutAsync($"notes/{node}-{call}", Array.Empty<byte>(), etcdLeaseId: 0, expected: null, Cancel);
                }
                catch (StoreException e) when (e.Fault == StoreFault.Timeout)
                {
                    Assert.Contains($"no answer in time from {frozen.Endpoint} (", e.Message, StringComparison.Ordinal); // this one, and no other
                    timeouts++;
                }
            }
            return timeouts;
        }));
        await frozen.ResumeAsync(Cancel);
        Assert.All(lost, (timeouts, node) => Assert.InRange(timeouts, 0, node % 2)); // whoever has read before has found another member
        await AssertUnharmedAsync();
    }

    private async Task JoinAsync(EtcdOptions options)
    {
        _node = new LeaseClient(options, 50_000);
        _lease = await _node.StartAsync(Network, Cancel);
        _writing = WriteAsync();
        await Eventually.TrueAsync(() => _node.Count<LeaseHappening.Renewed>() > 0 && _node.Watcher.Current.Leases.Count > 1, "running");
    }

    // One key after the other by whichever member answers, each written once, and those written are remembered.
    private async Task WriteAsync()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(new EtcdOptions { Endpoints = Cluster.Options.Endpoints, RequestTimeout = TimeSpan.FromSeconds(2) });
        for (int node = 0; !_stopWriting.IsCancellationRequested; node++)
        {
            byte[] value = LeaseClient.AttributesOf(node).ToJson();
            while (!_written.ContainsKey(node))
            {
                try
                {
                    if ((await store.PutAsync(StorePaths.Subnet(LeaseWriter.SubnetOf(node)), value, 0, null, _stopWriting.Token)).Succeeded)
                        _written[node] = node;
                    else
                        break; // our own node has that subnet
                }
                catch (StoreException)
                {
                    await Task.Delay(20, _stopWriting.Token);
                }
            }
            await Task.Delay(20, _stopWriting.Token);
        }
    }

    private bool Sees(int node) => _node.Watcher.Current.Leases.ContainsKey(LeaseWriter.SubnetOf(node).Subnet);

    /// <summary>Waits until a key is seen that was written after this call, and one that was written after the watch stood.</summary>
    private async Task<TimeSpan> SeesNewKeysAsync(string after)
    {
        long start = Stopwatch.GetTimestamp();
        int before = _written.Count;
        await Eventually.TrueAsync(() => _written.Count > before + 2, $"writing goes on after {after}");
        TimeSpan etcd = Stopwatch.GetElapsedTime(start);
        await Eventually.TrueAsync(() => _written.Keys.Max() is int newest && Sees(newest), $"new keys are seen after {after}");
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        TestContext.Current.TestOutputHelper?.WriteLine($"after {after}: etcd writes again after {etcd.TotalSeconds:F1} s, the node sees it after {took.TotalSeconds:F1} s");
        return took;
    }

    private async Task AssertUnharmedAsync(int others = 0)
    {
        await _stopWriting.CancelAsync();
        await _writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        StoreSnapshot stored = null!;
        await Eventually.TrueAsync(async () =>
        {
            using EtcdLeaseStore store = EtcdFixture.Open(Cluster.Options);
            try
            {
                stored = await store.ReadAsync(StorePaths.Subnets, Cancel);
                return true;
            }
            catch (StoreException)
            {
                return false;
            }
        }, "etcd can be read");
        string[] keys = [.. stored.Records.Select(record => StorePaths.SubnetName(record.Path)).Order(StringComparer.Ordinal)];
        string[] Seen() => [.. _node.Watcher.Current.Leases.Values.Select(lease => lease.Key.Name).Order(StringComparer.Ordinal)];
        await Eventually.TrueAsync(() => Seen().SequenceEqual(keys), "the table is what etcd holds");
        Assert.True(_written.Keys.All(node => keys.Contains(LeaseWriter.SubnetOf(node).Name)), "every key whose write succeeded is there");

        StoreRecord own = Assert.Single(stored.Records, record => record.Path == StorePaths.Subnet(_lease.Key));
        Assert.Equal((_lease.ModRevision, _lease.EtcdLeaseId), (own.ModRevision, own.EtcdLeaseId)); // never written again
        Assert.Equal(1 + others, stored.Records.Count(record => record.EtcdLeaseId != 0));
        string leases = await Cluster.Members.First(member => member.IsRunning).CtlAsync(Cancel, "lease", "list");
        Assert.Equal(1 + others, leases.Split('\n').Count(line => line.Length > 0 && !line.StartsWith("found", StringComparison.Ordinal)));
        Assert.Equal((0, 0, 0), (_node.Count<LeaseHappening.Recreated>(), _node.Count<LeaseHappening.Lost>(), _node.Count<LeaseHappening.Moved>()));
    }
}
