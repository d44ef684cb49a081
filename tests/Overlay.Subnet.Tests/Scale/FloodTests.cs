using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Scale;

/// <summary>More leases, and more changes of leases, than a sane fleet has: a real etcd, the node's own watcher.</summary>
public sealed class FloodTests : IAsyncLifetime
{
    private const int Nodes = 5000;

    private readonly ListLogger<LeaseWatcher> _log = new();
    private readonly CancellationTokenSource _stop = new();
    private EtcdServer? _server;
    private LeaseWriter _writer = null!;
    private Overlay.Subnet.Etcd.EtcdLeaseStore _store = null!;
    private LeaseWatcher _watcher = null!;
    private Task _running = Task.CompletedTask;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        _server = await EtcdServer.StartAsync(Cancel);
        _writer = new LeaseWriter(_server.Options);
        _store = Tests.Etcd.EtcdFixture.Open(_server.Options);
        _watcher = new LeaseWatcher(_store, Some.Node(0).PublicIP, TimeProvider.System, _log);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_server is not null)
        {
            _store.Dispose();
            _writer.Dispose();
            await _server.DisposeAsync();
        }
        _stop.Dispose();
    }

    [Fact]
    public async Task L2_5000_leases_that_expire_at_once_all_go_and_those_written_again_stay()
    {
        long doomed = await _writer.GrantAsync(1000);
        await _writer.PutAsync(Enumerable.Range(0, Nodes), LeaseClient.AttributesOf, doomed);
        await _writer.PutAsync([Nodes], LeaseClient.AttributesOf);
        await FollowAsync(Nodes + 1);

        await _writer.RevokeAsync(doomed);
        await _writer.PutAsync(Enumerable.Range(0, 500), LeaseClient.AttributesOf);
        await SeesAsync(501);
        Assert.All(Enumerable.Range(0, 500), node => Assert.True(_watcher.Current.Leases.ContainsKey(LeaseWriter.SubnetOf(node).Subnet)));
        await AssertExactAsync();
        Assert.Equal(0, _log.Count("etcd was wiped"));
    }

    [Fact]
    public async Task L5_a_flood_of_changes_ends_in_the_newest_state_of_each_key_and_makes_few_tables()
    {
        await _writer.PutAsync(Enumerable.Range(0, Nodes), LeaseClient.AttributesOf);
        await FollowAsync(Nodes);
        int tables = 0;
        Task counting = Task.Run(async () =>
        {
            await foreach (LeaseTable _ in _watcher.Tables.ReadAllAsync(_stop.Token))
                tables++;
        }, Cancel);

        const int Rounds = 4;
        for (int round = 1; round <= Rounds; round++)
        {
            int shift = round;
            await _writer.PutAsync(Enumerable.Range(0, Nodes), node => LeaseClient.AttributesOf((node + shift) % Nodes)); // all keys
            await _writer.PutAsync(Enumerable.Range(0, Nodes / 2), _ => null);                                           // gone and back
            await _writer.PutAsync(Enumerable.Range(0, Nodes / 2), node => LeaseClient.AttributesOf((node + shift) % Nodes));
            for (int i = 0; i < 200; i++)
                await _writer.PutAsync([1], _ => LeaseClient.AttributesOf(i % 2 == 0 ? 1 : 1 + shift));                  // one key over and over
        }
        long last = (await _store.ReadAsync(StorePaths.Subnets, Cancel)).Revision;
        await Eventually.TrueAsync(() => _watcher.Current.Revision >= last, "the last change is in the table");
        await AssertExactAsync();
        const int Revisions = Rounds * ((2 * Nodes / 100) + 200);
        Assert.InRange(tables, 1, Revisions / 2);
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => counting);
        TestContext.Current.TestOutputHelper?.WriteLine($"{Revisions} revisions with {Rounds * ((2 * Nodes) + 200)} changes made {tables} tables and {_log.Lines.Count} lines");
        Assert.InRange(_log.Lines.Count, 1, 60);
    }

    [Fact]
    public async Task L8_a_flood_of_every_kind_of_nonsense_makes_few_lines_and_a_sum()
    {
        await _writer.PutAsync(Enumerable.Range(0, 50), LeaseClient.AttributesOf);
        await FollowAsync(50);
        for (int round = 0; round < 40; round++)
        {
            int shift = round;
            await Task.WhenAll(
                _writer.PutRawAsync($"no-subnet-{round}", "x"),                                        // a bad name
                _writer.PutRawAsync("10.200.1.0-24", round % 2 == 0 ? "{" : Some.Json(LeaseClient.AttributesOf(300))), // good, bad, good
                _writer.PutRawAsync($"10.200.{round}.0-24", """{"PublicIP":"none"}"""),                // a bad value
                _writer.PutRawAsync("10.0.0.0-20", Some.Json(LeaseClient.AttributesOf(400 + round))),  // overlaps
                _writer.PutRawAsync($"10.0.{100 + round}.0-24", Some.Json(LeaseClient.AttributesOf(0))), // another's MAC
                _writer.PutAsync([round], node => LeaseClient.AttributesOf(node + 1000 + shift)));     // a peer that changes
        }
        await Eventually.TrueAsync(() => _log.Count("more entries in the last 10 s") > 0, "what was not logged is summed up");
        foreach (string kind in new[] { " 2204 ", " 2206 " })
            Assert.InRange(_log.Count(kind), 1, 16 + 3); // a burst, then one in ten seconds
        Assert.InRange(_log.Count(" 2200 ") + _log.Count(" 2201 ") + _log.Count(" 2202 ") + _log.Count(" 2203 "), 1, 16 + 3);
    }

    private async Task FollowAsync(int count)
    {
        _running = _watcher.RunAsync(_stop.Token);
        await SeesAsync(count);
        await Eventually.TrueAsync(() => _watcher.WaitingFor is null, "watching");
    }

    private Task SeesAsync(int count) => Eventually.TrueAsync(() => _watcher.Current.Leases.Count == count, $"{count} leases");

    private async Task AssertExactAsync()
    {
        StoreSnapshot stored = await _store.ReadAsync(StorePaths.Subnets, Cancel);
        LeaseTable expected = LeaseTable.Build(
            0, stored.Records.Select(record => Lease.TryRead(record, out Lease? lease, out _) ? lease : null).OfType<Lease>(), Some.Node(0).PublicIP);
        await Eventually.TrueAsync(() => !expected.ChangesSince(_watcher.Current).Any(), "the table is what etcd holds");
    }
}
