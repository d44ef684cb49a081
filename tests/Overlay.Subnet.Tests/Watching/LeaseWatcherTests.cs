using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Watching;

public sealed class LeaseWatcherTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private readonly ListLogger<LeaseWatcher> _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly MemoryLeaseStore _store;
    private readonly LeaseWatcher _watcher;
    private Task _running = Task.CompletedTask;

    public LeaseWatcherTests()
    {
        _store = new MemoryLeaseStore(_time);
        _watcher = new LeaseWatcher(_store, Some.Node(0).PublicIP, _time, _log);
    }

    public async ValueTask InitializeAsync()
    {
        Put("10.1.1.0-24", 1);
        Put("10.1.2.0-24", 2);
        _running = _watcher.RunAsync(_stop.Token);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24");
        await Eventually.TrueAsync(() => _store.WatchCount == 1, "watching");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.False(_running.IsFaulted, $"{_running.Exception}");
        _stop.Dispose();
    }

    private void Put(string subnet, int node, string? nodeId = null) => _store.Put(Some.Path(subnet), Some.Json(Some.Node(node, nodeId)), 7);

    private string Shown() => string.Join(' ', _watcher.Current.Leases.Values.Select(lease => lease.Key.Name).Order(StringComparer.Ordinal));

    private Task ShowsAsync(params string[] subnets) =>
        Eventually.TrueAsync(() => Shown() == string.Join(' ', subnets), string.Join(' ', subnets), _time, TimeSpan.FromMilliseconds(5));

    private Lease LeaseAt(string subnet) => _watcher.Current.Leases.Values.Single(lease => lease.Key.Name == subnet);

    [Fact]
    public async Task Peers_that_come_change_and_go_are_shown_and_logged()
    {
        Put("10.1.3.0-24", 3);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
        Put("10.1.3.0-24", 33);
        await Eventually.TrueAsync(() => LeaseAt("10.1.3.0-24").Attributes == Some.Node(33), "changed");
        _store.Delete(Some.Path("10.1.3.0-24"));
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24");
        // A table is shown before it is logged.
        await Eventually.TrueAsync(() => _log.Count("lease 10.1.3.0-24 of 192.168.0.34 is gone") == 1, "logged");
        Assert.Equal(1, _log.Count("lease 10.1.3.0-24 added: 192.168.0.4, vxlan, VNI 1, MAC 02:00:00:00:00:03"));
        Assert.Equal(1, _log.Count("lease 10.1.3.0-24 changed: 192.168.0.4 -> 192.168.0.34"));
    }

    [Fact]
    public async Task A_slow_reader_finds_only_the_newest_table()
    {
        for (int i = 3; i < 20; i++)
            Put($"10.1.{i}.0-24", i);
        await Eventually.TrueAsync(() => _watcher.Current.Leases.Count == 19, "all there");
        Assert.True(_watcher.Tables.TryRead(out LeaseTable? table));
        Assert.Same(_watcher.Current, table);
        Assert.False(_watcher.Tables.TryRead(out _));
        Assert.Equal(_store.Revision, table.Revision);
    }

    [Fact]
    public async Task C3_peers_stay_while_etcd_is_away_and_nothing_is_missed()
    {
        _store.IsDown = true;
        await Eventually.TrueAsync(() => _watcher.WaitingFor is not null, "noticed");
        Put("10.1.3.0-24", 3);
        DateTimeOffset start = _time.GetUtcNow();
        DateTimeOffset end = start + TimeSpan.FromHours(1);
        await Eventually.TrueAsync(() => _time.GetUtcNow() > end, "an hour", _time, TimeSpan.FromMinutes(1));
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());
        _store.IsDown = false;
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
        await Eventually.TrueAsync(() => _watcher.WaitingFor is null, "contact");
        Assert.InRange(_log.Count("lost contact"), 1, (_time.GetUtcNow() - start).TotalMinutes + 1);
    }

    // As an agent starts that has saved what it knew.
    private async Task<(LeaseTable First, LeaseTable Later)> RestartAsync(LeaseTable known)
    {
        var watcher = new LeaseWatcher(_store, Some.Node(0).PublicIP, _time, _log, known: known);
        Assert.Same(known, watcher.Current);
        Assert.False(watcher.Tables.TryRead(out _));
        Task running = watcher.RunAsync(_stop.Token);
        LeaseTable? first = null;
        await Eventually.TrueAsync(() => watcher.Tables.TryRead(out first), "a table", _time);
        DateTimeOffset end = _time.GetUtcNow() + TimeSpan.FromSeconds(31);
        await Eventually.TrueAsync(() => _time.GetUtcNow() > end, "half a minute", _time, TimeSpan.FromSeconds(1));
        await _stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return (first!, watcher.Current);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task C16_peers_that_were_known_before_a_wipe_are_kept_for_half_a_minute(bool oneIsBack)
    {
        for (int i = 0; i < 5; i++)
            Put("10.1.2.0-24", 2); // so that the new store is certainly behind
        await Eventually.TrueAsync(() => _watcher.Current.Revision == _store.Revision, "up to date");
        LeaseTable known = _watcher.Current;
        _store.Wipe(newCluster: true);
        if (oneIsBack)
            Put("10.1.2.0-24", 2);
        (LeaseTable first, LeaseTable later) = await RestartAsync(known);
        Assert.Equal(2, first.Leases.Count);
        Assert.Equal(oneIsBack ? 1 : 0, later.Leases.Count);
    }

    [Fact]
    public async Task A_peer_that_went_between_two_runs_is_not_kept()
    {
        LeaseTable known = _watcher.Current;
        _store.Delete(Some.Path("10.1.1.0-24"));
        (LeaseTable first, _) = await RestartAsync(known);
        Assert.Equal("10.1.2.0-24", Assert.Single(first.Leases.Values).Key.Name);
    }

    [Fact]
    public async Task C8_compaction_between_list_and_watch_relists_without_a_flap()
    {
        int compactions = 0;
        _store.Fault = (operation, _) =>
        {
            if (operation == "watch" && compactions++ < 3)
            {
                Put("10.1.3.0-24", 3 + compactions); // after the list, before the watch
                _store.Compact();
            }
            return null;
        };
        Put("10.1.4.0-24", 40);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.4.0-24");
        _store.Disconnect();
        await Eventually.TrueAsync(() => compactions > 3, "compacted thrice", _time);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24", "10.1.4.0-24");
        await Eventually.TrueAsync(() => LeaseAt("10.1.3.0-24").Attributes == Some.Node(6), "the last one");
        Assert.Equal(0, _log.Count("is gone"));
    }

    [Fact]
    public async Task C8_keys_deleted_while_a_compaction_hid_it_are_gone()
    {
        _store.IsDown = true;
        _store.Delete(Some.Path("10.1.1.0-24"));
        Put("10.1.9.0-24", 9);
        _store.Compact();
        _store.IsDown = false;
        await ShowsAsync("10.1.2.0-24", "10.1.9.0-24");
    }

    [Fact]
    public async Task C10_a_list_that_fails_removes_nothing()
    {
        _store.Fault = (operation, _) => operation == "read" ? new StoreException(StoreFault.Timeout, "in the middle") : null;
        _store.IsDown = true;
        Put("10.1.3.0-24", 3);
        _store.Compact(); // forces a list
        _store.IsDown = false;
        await Eventually.TrueAsync(() => _log.Count("in the middle") > 0, "failed", _time);
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());
        _store.Fault = null;
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task C13_C14_after_a_wipe_peers_stay_half_a_minute_for_their_nodes_to_come_back(bool newCluster)
    {
        _store.Wipe(newCluster);
        await Eventually.TrueAsync(() => _log.Count("etcd was wiped") == 1, "noticed", _time, TimeSpan.FromMilliseconds(5));
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());
        Put("10.1.2.0-24", 2); // this one comes back, the other not
        Put("10.1.3.0-24", 3);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
        _time.Advance(TimeSpan.FromSeconds(31));
        await ShowsAsync("10.1.2.0-24", "10.1.3.0-24");
        Assert.Equal(0, _log.Count("10.1.2.0-24 of"));
    }

    [Fact]
    public async Task C13_C14_a_wipe_that_the_same_clusters_revisions_have_passed_is_noticed()
    {
        _store.IsDown = true;
        await Eventually.TrueAsync(() => _watcher.WaitingFor is not null, "noticed");
        long seen = _store.Revision;
        _store.Wipe(newCluster: false);
        Put("10.1.3.0-24", 3);
        while (_store.Revision <= seen)
            _store.Put("elsewhere", "");
        Put("10.1.2.0-24", 2); // back already, the first not yet
        _store.IsDown = false;
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
        _time.Advance(TimeSpan.FromSeconds(31));
        await ShowsAsync("10.1.2.0-24", "10.1.3.0-24");
        Assert.Equal(0, _log.Count("10.1.2.0-24 of"));
    }

    [Fact]
    public async Task C14_C17_deleting_all_keys_at_once_is_a_wipe_and_a_new_claim_settles_it()
    {
        _store.Delete(StorePaths.Subnets);
        Put("10.1.1.0-24", 9); // somebody new is quicker than the old owner
        await Eventually.TrueAsync(() => _watcher.Current.Leases.Count == 2 && LeaseAt("10.1.1.0-24").Attributes == Some.Node(9), "settled");
        Assert.Equal(Some.Node(2), LeaseAt("10.1.2.0-24").Attributes);
    }

    [Fact]
    public async Task C12_one_answer_from_the_past_is_not_believed()
    {
        var stale = new StaleOnce(_store);
        var log = new ListLogger<LeaseWatcher>();
        var watcher = new LeaseWatcher(stale, Some.Node(0).PublicIP, _time, log);
        Task running = watcher.RunAsync(_stop.Token);
        await Eventually.TrueAsync(() => watcher.Current.Leases.Count == 2 && _store.WatchCount == 2, "first snapshot");
        Put("10.1.3.0-24", 3);
        await Eventually.TrueAsync(() => watcher.Current.Leases.Count == 3, "seen");
        _store.Compact();
        stale.AnswerFromThePast = true;
        stale.BreakWatch = true;
        Put("10.1.4.0-24", 4);
        await Eventually.TrueAsync(() => watcher.Current.Leases.Count == 4, "the truth", _time);
        Assert.False(stale.AnswerFromThePast);
        Assert.Equal((1, 0, 0), (log.Count("asking again"), log.Count("was set back"), log.Count("is gone")));
        Assert.False(running.IsFaulted);
    }

    [Fact]
    public async Task C25_bad_names_are_escaped_counted_logged_once_and_harm_nobody()
    {
        foreach (string name in new[] { "10.5.34.0-24x", "10.5.34.1-24", "%s\n\0\u202e", "" })
            _store.Put(StorePaths.Subnets + name, Some.Json(Some.Node(7)));
        _store.Put("subnets-old/10.1.7.0-24", Some.Json(Some.Node(7)));
        Put("10.1.3.0-24", 3);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
        Assert.Equal(4, _watcher.Current.RejectedKeys);
        Assert.Equal(1, _log.Count("ignoring subnets/%s\\u000a\\u0000\\u202e: not of the form"));
        _store.Put(StorePaths.Subnets + "%s\n\0\u202e", "again");
        _store.Delete(Some.Path("10.5.34.0-24x"));
        await Eventually.TrueAsync(() => _watcher.Current.RejectedKeys == 3, "counted down");
        Assert.Equal(4, _log.Count("ignoring"));
    }

    [Fact]
    public async Task C26_the_last_good_value_is_kept_while_a_bad_one_stands_until_delete()
    {
        foreach (string bad in new[] { "", "null", "{}", "garbage" })
            _store.Put(Some.Path("10.1.2.0-24"), bad);
        _store.Put(Some.Path("10.1.3.0-24"), "never good");
        await Eventually.TrueAsync(() => _watcher.Current.RejectedValues == 2, "counted");
        Assert.Equal(Some.Node(2), LeaseAt("10.1.2.0-24").Attributes);
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());
        Assert.Equal(1, _log.Count("ignoring subnets/10.1.2.0-24"));

        _store.IsDown = true; // a new snapshot keeps it too
        _store.Compact();
        Put("10.1.4.0-24", 4);
        _store.Compact();
        _store.IsDown = false;
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.4.0-24");
        _store.Delete(Some.Path("10.1.2.0-24"));
        _store.Put(Some.Path("10.1.2.0-24"), "bad from birth");
        await ShowsAsync("10.1.1.0-24", "10.1.4.0-24");
    }

    [Fact]
    public async Task C27_overlapping_peers_are_counted_and_logged_once()
    {
        Put("10.1.2.0-23", 5);
        await Eventually.TrueAsync(() => _watcher.Current.Conflicts.Count == 1, "conflict");
        Put("10.1.9.0-24", 9);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.9.0-24");
        await Eventually.TrueAsync(() => _log.Count("ignoring lease 10.1.2.0-23 of 192.168.0.6: it overlaps 10.1.2.0-24") == 1, "logged");
        _store.Delete(Some.Path("10.1.2.0-24"));
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-23", "10.1.9.0-24");
    }

    /// <summary>Answers one read as it was at the beginning, and breaks one watch, on demand.</summary>
    private sealed class StaleOnce(ILeaseStore store) : ILeaseStore
    {
        private StoreSnapshot? _first;

        public bool AnswerFromThePast { get; set; }

        public bool BreakWatch { get; set; }

        public async Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken)
        {
            StoreSnapshot now = await store.ReadAsync(path, cancellationToken);
            _first ??= now;
            bool stale = AnswerFromThePast;
            AnswerFromThePast = false;
            return stale ? _first : now;
        }

        public async IAsyncEnumerable<StoreChanges> WatchAsync(
            string path, long fromRevision, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await foreach (StoreChanges changes in store.WatchAsync(path, fromRevision, cancellationToken))
            {
                if (BreakWatch)
                {
                    BreakWatch = false;
                    throw new StoreException(StoreFault.Compacted, "compacted");
                }
                yield return changes;
            }
        }

        public Task<WriteResult> PutAsync(string path, ReadOnlyMemory<byte> value, long etcdLeaseId, StoreRecord? expected, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task<WriteResult> DeleteAsync(string path, StoreRecord expected, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<(long EtcdLeaseId, TimeSpan Ttl)> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
