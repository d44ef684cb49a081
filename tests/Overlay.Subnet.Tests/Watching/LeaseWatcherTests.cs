using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Subnet.Watching;

namespace Overlay.Subnet.Tests.Watching;

/// <summary>What becomes of peers, and of etcd, in the tables.</summary>
public sealed class LeaseWatcherTests : WatcherTest
{
    [Fact]
    public async Task Peers_that_come_change_and_go_are_shown_and_logged()
    {
        Put("10.1.3.0-24", 3);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
        Put("10.1.3.0-24", 33);
        await ComesTrueAsync(() => LeaseAt("10.1.3.0-24").Attributes == Agent(33), "changed");
        Store.Delete(Some.Path("10.1.3.0-24"));
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24");
        // A table is shown before it is logged.
        await ComesTrueAsync(() => Log.Count("lease 10.1.3.0-24 of 192.168.0.34 is gone") == 1, "logged");
        Assert.Equal(1, Log.Count("lease 10.1.3.0-24 added: 192.168.0.4, vxlan, VNI 1, MAC 02:00:00:00:00:03"));
        Assert.Equal(1, Log.Count("lease 10.1.3.0-24 changed: 192.168.0.4 -> 192.168.0.34"));
    }

    [Fact]
    public async Task A_slow_reader_finds_only_the_newest_table()
    {
        for (int i = 3; i < 20; i++)
            Put($"10.1.{i}.0-24", i);
        await ComesTrueAsync(() => Watcher.Current.Leases.Count == 19, "all there");
        Assert.True(Watcher.Tables.TryRead(out LeaseTable? table));
        Assert.Same(Watcher.Current, table);
        Assert.False(Watcher.Tables.TryRead(out _));
        Assert.Equal(Store.Revision, table.Revision);
    }

    [Fact]
    public async Task C3_peers_stay_while_etcd_is_away_and_nothing_is_missed()
    {
        Store.IsDown = true;
        await Eventually.TrueAsync(() => Watcher.WaitingFor is not null, "noticed");
        Put("10.1.3.0-24", 3);
        DateTimeOffset start = Time.GetUtcNow();
        DateTimeOffset end = start + TimeSpan.FromHours(1);
        await Eventually.TrueAsync(() => Time.GetUtcNow() > end, "an hour", Time, TimeSpan.FromMinutes(1));
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());
        Store.IsDown = false;
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
        await Eventually.TrueAsync(() => Watcher.WaitingFor is null, "contact");
        Assert.InRange(Log.Count("lost contact"), 1, (Time.GetUtcNow() - start).TotalMinutes + 1);
    }

    [Fact]
    public async Task C8_compaction_between_list_and_watch_relists_without_a_flap()
    {
        int compactions = 0;
        Store.Fault = (operation, _) =>
        {
            if (operation == "watch" && compactions++ < 3)
            {
                Put("10.1.3.0-24", 3 + compactions); // after the list, before the watch
                Store.Compact();
            }
            return null;
        };
        Put("10.1.4.0-24", 40);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.4.0-24");
        Store.Disconnect();
        await Eventually.TrueAsync(() => compactions > 3, "compacted thrice", Time);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24", "10.1.4.0-24");
        await ComesTrueAsync(() => LeaseAt("10.1.3.0-24").Attributes == Agent(6), "the last one");
        Assert.Equal(0, Log.Count("is gone"));
    }

    [Fact]
    public async Task C8_keys_deleted_while_a_compaction_hid_it_are_gone()
    {
        Store.IsDown = true;
        Store.Delete(Some.Path("10.1.1.0-24"));
        Put("10.1.9.0-24", 9);
        Store.Compact();
        Store.IsDown = false;
        await ShowsAsync("10.1.2.0-24", "10.1.9.0-24");
    }

    [Fact]
    public async Task C10_a_list_that_fails_removes_nothing()
    {
        Store.Fault = (operation, _) => operation == "read" ? new StoreException(StoreFault.Timeout, "in the middle") : null;
        Store.IsDown = true;
        Put("10.1.3.0-24", 3);
        Store.Compact(); // forces a list
        Store.IsDown = false;
        await Eventually.TrueAsync(() => Log.Count("in the middle") > 0, "failed", Time);
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());
        Store.Fault = null;
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
    }

    [Fact]
    public async Task C12_one_answer_from_the_past_is_not_believed()
    {
        var stale = new StaleOnce(Store);
        var log = new ListLogger<LeaseWatcher>();
        var watcher = new LeaseWatcher(stale, Some.Node(0).PublicIP, Time, log);
        Task running = watcher.RunAsync(Stop.Token);
        await Eventually.TrueAsync(() => watcher.Current.Leases.Count == 2 && Store.WatchCount == 2, "first snapshot");
        Put("10.1.3.0-24", 3);
        await ComesTrueAsync(() => watcher.Current.Leases.Count == 3, "seen");
        Store.Compact();
        stale.AnswerFromThePast = true;
        stale.BreakWatch = true;
        Put("10.1.4.0-24", 4);
        await Eventually.TrueAsync(() => watcher.Current.Leases.Count == 4, "the truth", Time);
        Assert.False(stale.AnswerFromThePast);
        Assert.Equal((1, 0, 0), (log.Count("asking again"), log.Count("was set back"), log.Count("is gone")));
        Assert.False(running.IsFaulted);
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
