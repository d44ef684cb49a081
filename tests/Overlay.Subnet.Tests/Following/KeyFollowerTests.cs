using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Following;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Following;

/// <summary>
/// How often and when a path is read anew. Everything runs on the thread that moves the clock, with seeded randomness, so that it is the same
/// each time.
/// </summary>
public sealed class KeyFollowerTests : IDisposable
{
    private const int Nodes = 40;

    private static readonly StoreException Away = new(StoreFault.Unreachable, "away");
    private static readonly StoreException Compacted = new(StoreFault.Compacted, "compacted");

    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ListLogger<KeyFollowerTests> _log = new();
    private readonly List<FollowUpdate> _told = [];
    private readonly List<(KeyFollower Follower, ScriptedStore Store)> _fleet = [];

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    [Theory]
    [InlineData(StoreFault.Unreachable)]
    [InlineData(StoreFault.Compacted)]
    [InlineData(StoreFault.Rewound)]
    public Task L3_a_watch_that_5000_nodes_lose_at_once_makes_them_read_over_a_minute(StoreFault fault) => Alone(() =>
    {
        Start(keys: 5000);
        Pass(600);
        DateTimeOffset start = _time.GetUtcNow();
        Each(store => store.Break(new StoreException(fault, "gone")));
        Pass(62);
        AssertSpread(start);
    });

    [Fact]
    public Task L3_R7_nodes_that_have_waited_for_etcd_for_long_read_over_a_minute() => Alone(() =>
    {
        Start(keys: 5000);
        Pass(600);
        Each(store => (store.ReadFailure, store.WatchFailure) = (Away, null));
        Each(store => store.Break(Away));
        Pass(1200);
        DateTimeOffset start = _time.GetUtcNow();
        Each(store => store.ReadFailure = null);
        Pass(62);
        AssertSpread(start);
    });

    [Fact]
    public Task L3_nodes_that_begin_with_what_an_earlier_run_knew_spread_their_retries_as_well() => Alone(() =>
    {
        Start(keys: 5000, known: 5000, failure: Away);
        Pass(1200);
        DateTimeOffset start = _time.GetUtcNow();
        Each(store => store.ReadFailure = null);
        Pass(62);
        AssertSpread(start);
    });

    [Fact]
    public Task L3_R7_a_path_of_one_key_is_read_over_a_minute_by_a_fleet_of_5000() => Alone(() =>
    {
        Start(keys: 1, fleet: 5000);
        Pass(600);
        DateTimeOffset start = _time.GetUtcNow();
        Each(store => store.Break(Compacted));
        Pass(62);
        AssertSpread(start);
    });

    [Fact]
    public Task L3_5000_nodes_that_boot_together_spread_as_soon_as_etcd_fails_them() => Alone(() =>
    {
        Start(keys: 5000, known: 5000, failure: new StoreException(StoreFault.Timeout, "overloaded"));
        DateTimeOffset start = _time.GetUtcNow();
        Each(store => store.ReadFailure = null);
        Pass(62);
        AssertSpread(start);
    });

    [Fact]
    public Task C11_another_kind_of_lost_contact_is_told_and_logged_at_once() => Alone(() =>
    {
        Start(keys: 1, nodes: 1);
        ScriptedStore store = _fleet[0].Store;
        Pass(60);
        store.ReadFailure = Away;
        store.Break(Away);
        Pass(10);
        store.ReadFailure = new StoreException(StoreFault.Timeout, "mute");
        Pass(10);
        store.ReadFailure = new StoreException(StoreFault.Tls, "expired");
        Pass(10);
        Assert.Equal("away expired", string.Join(' ', _told.Where(update => update.Kind == FollowKind.Lost).Select(update => update.Failure!.Message)));
        Assert.Equal((1, 0, 1), (_log.Count("away"), _log.Count("mute"), _log.Count("expired")));
    });

    [Fact]
    public Task R7_the_nodes_of_a_small_fleet_are_back_within_five_seconds() => Alone(() =>
    {
        Start(keys: 20);
        Pass(60);
        Each(store => store.ReadFailure = Away);
        Each(store => store.Break(Away));
        Pass(120);
        DateTimeOffset start = _time.GetUtcNow();
        Each(store => store.ReadFailure = null);
        Pass(5.1);
        Assert.Equal(Nodes, ReadsAfter(start).Count);
    });

    [Fact]
    public Task L1_65000_nodes_do_not_wait_longer_than_a_minute() => Alone(() =>
    {
        Start(keys: 65_000, nodes: 5);
        Pass(600);
        DateTimeOffset start = _time.GetUtcNow();
        Each(store => store.Break(Away));
        Pass(62);
        Assert.Equal(5, ReadsAfter(start).Count);
    });

    [Fact]
    public Task L3_keys_that_come_by_the_watch_count_too() => Alone(() =>
    {
        Start(keys: 10);
        Each(store => store.Tell(Enumerable.Range(0, 4990).Select(i => new StoreRecord($"subnets/{i}", default, 0, 2000, 2000))));
        Pass(600);
        DateTimeOffset start = _time.GetUtcNow();
        Each(store => store.Break(Away));
        Pass(62);
        AssertSpread(start);
    });

    [Fact]
    public Task A_fleet_that_has_shrunk_is_quick_again() => Alone(() =>
    {
        Start(keys: 5000);
        Each(store => store.Keys = 10);
        for (int i = 0; i < 10; i++)
        {
            Pass(120);
            Each(store => store.Break(Away));
        }
        Pass(120);
        DateTimeOffset start = _time.GetUtcNow();
        Each(store => store.Break(Away));
        Pass(5.1);
        Assert.Equal(Nodes, ReadsAfter(start).Count);
    });

    [Fact]
    public Task L3_a_server_that_accepts_every_watch_and_drops_it_is_not_hammered() => Alone(() =>
    {
        Start(keys: 10, nodes: 1);
        _fleet[0].Store.WatchFailure = Away;
        _fleet[0].Store.Break(Away);
        Pass(600);
        Assert.InRange(_fleet[0].Store.Reads.Count, 100, 250);
    });

    [Fact]
    public Task What_is_known_counts_as_out_of_date_until_the_watch_stands_again() => Alone(() =>
    {
        Start(keys: 5000, nodes: 1);
        (KeyFollower follower, ScriptedStore store) = _fleet[0];
        Pass(600);
        Assert.Null(follower.WaitingFor);
        store.Break(Compacted);
        Assert.Equal("compacted", follower.WaitingFor);
        Pass(62);
        Assert.Null(follower.WaitingFor);
    });

    [Fact]
    public Task C13_K14_an_answer_that_a_suspended_machine_finds_when_it_wakes_is_asked_for_again() => Alone(() =>
    {
        Start(keys: 10, nodes: 1, whileReading: () => _time.Advance(TimeSpan.FromMinutes(1)));
        (KeyFollower follower, ScriptedStore store) = _fleet[0];
        Assert.NotNull(follower.WaitingFor);
        Pass(5);
        Assert.Null(follower.WaitingFor);
        Assert.Equal(2, store.Reads.Count);
    });

    // Without a synchronisation context, in which what the clock sets off would go on elsewhere.
    private static Task Alone(Action test) => Task.Run(test, TestContext.Current.CancellationToken);

    private void Start(int keys, int nodes = Nodes, int known = 0, StoreException? failure = null, int? fleet = null, Action? whileReading = null)
    {
        for (int i = 0; i < nodes; i++)
        {
            ScriptedStore store = new(_time) { Keys = keys, ReadFailure = failure, WhileReading = whileReading };
            KeyFollower follower = new(store, StorePaths.Subnets, _time, _log, new Random(i), keys: known, nodes: fleet is null ? null : () => fleet.Value);
            _fleet.Add((follower, store));
            _ = DrainAsync(follower);
        }
    }

    private void Each(Action<ScriptedStore> act) => _fleet.ForEach(node => act(node.Store));

    private void Pass(double seconds)
    {
        DateTimeOffset end = _time.GetUtcNow() + TimeSpan.FromSeconds(seconds);
        while (_time.GetUtcNow() < end)
            _time.Advance(TimeSpan.FromMilliseconds(seconds > 100 ? 1000 : 100));
    }

    /// <summary>Seconds after which each node has read for the first time since.</summary>
    private List<double> ReadsAfter(DateTimeOffset start) =>
        [.. _fleet.Select(node => node.Store.Reads.Where(read => read > start)).Where(reads => reads.Any()).Select(reads => (reads.First() - start).TotalSeconds)];

    private void AssertSpread(DateTimeOffset start)
    {
        List<double> reads = ReadsAfter(start);
        Assert.Equal(Nodes, reads.Count);
        for (int from = 0; from < 60; from += 5)
            Assert.InRange(reads.Count(read => read >= from && read < from + 5), 0, Nodes / 3);
    }

    private async Task DrainAsync(KeyFollower follower)
    {
        await foreach (FollowUpdate update in follower.FollowAsync(_stop.Token).ConfigureAwait(false))
            _told.Add(update);
    }
}
