using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Subnet.Watching;

namespace Overlay.Subnet.Tests.Watching;

/// <summary>That a store which was lost takes no peers away whose nodes are still there.</summary>
public sealed class WipeTests : WatcherTest
{
    // As an agent starts that has saved what it knew.
    private async Task<(LeaseTable First, LeaseTable Later)> RestartAsync(LeaseTable known)
    {
        var watcher = new LeaseWatcher(Store, Some.Node(0).PublicIP, Time, Log, known: known);
        Assert.Same(known, watcher.Current);
        Assert.False(watcher.Tables.TryRead(out _));
        Task running = watcher.RunAsync(Stop.Token);
        LeaseTable? first = null;
        await Eventually.TrueAsync(() => watcher.Tables.TryRead(out first), "a table", Time);
        DateTimeOffset end = Time.GetUtcNow() + TimeSpan.FromSeconds(31);
        await Eventually.TrueAsync(() => Time.GetUtcNow() > end, "half a minute", Time, TimeSpan.FromSeconds(1));
        await Stop.CancelAsync();
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
        await ComesTrueAsync(() => Watcher.Current.Revision == Store.Revision, "up to date");
        LeaseTable known = Watcher.Current;
        Store.Wipe(newCluster: true);
        if (oneIsBack)
            Put("10.1.2.0-24", 2);
        (LeaseTable first, LeaseTable later) = await RestartAsync(known);
        Assert.Equal(2, first.Leases.Count);
        Assert.Equal(oneIsBack ? 1 : 0, later.Leases.Count);
    }

    [Fact]
    public async Task C14_flannels_peers_stay_until_they_renew_or_a_day_has_passed()
    {
        PutFlannel("10.1.4.0-24", 4);
        PutFlannel("10.1.5.0-24", 5);
        PutFlannel("10.1.6.0-24", 6);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.4.0-24", "10.1.5.0-24", "10.1.6.0-24");
        Store.Wipe(newCluster: true);
        await Eventually.TrueAsync(() => Log.Count("etcd was wiped") == 1, "noticed", Time, TimeSpan.FromMilliseconds(5));
        Put("10.1.1.0-24", 1);
        await Eventually.TrueAsync(() => LeaseAt("10.1.1.0-24").ModRevision == Store.Revision, "the one agent is back");
        await PassAsync(31);
        await ShowsAsync("10.1.1.0-24", "10.1.4.0-24", "10.1.5.0-24", "10.1.6.0-24");

        Time.Advance(TimeSpan.FromHours(20));
        PutFlannel("10.1.4.0-24", 4); // has renewed
        Put("10.1.5.0-24", 9);        // has a new owner
        await Eventually.TrueAsync(() => LeaseAt("10.1.5.0-24").Attributes == Agent(9), "settled");
        Store.Delete(Some.Path("10.1.5.0-24"));
        await ShowsAsync("10.1.1.0-24", "10.1.4.0-24", "10.1.6.0-24");
        Assert.All(Watcher.Current.Leases.Values, lease => Assert.Equal(lease.Key.Name == "10.1.6.0-24", lease.IsRetained));

        Time.Advance(TimeSpan.FromHours(4));
        await ShowsAsync("10.1.1.0-24", "10.1.4.0-24");
    }

    [Fact]
    public async Task C14_flannels_day_does_not_end_while_etcd_is_away()
    {
        PutFlannel("10.1.4.0-24", 4);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.4.0-24");
        Store.Wipe(newCluster: true);
        await Eventually.TrueAsync(() => Log.Count("etcd was wiped") == 1 && Watcher.WaitingFor is null, "noticed", Time, TimeSpan.FromMilliseconds(5));
        await PassAsync(31);
        await ShowsAsync("10.1.4.0-24");
        Store.IsDown = true;
        await Eventually.TrueAsync(() => Watcher.WaitingFor is not null, "away again");
        Time.Advance(TimeSpan.FromHours(25));
        await ShowsAsync("10.1.4.0-24");
        Store.IsDown = false;
        await Eventually.TrueAsync(() => Watcher.WaitingFor is null, "back", Time);
        await PassAsync(20);
        Assert.Equal("10.1.4.0-24", Shown());
        await PassAsync(11);
        await ShowsAsync();
    }

    [Fact]
    public async Task C14_C16_flannels_peers_stay_over_a_restart_after_the_wipe()
    {
        PutFlannel("10.1.4.0-24", 4);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.4.0-24");
        Store.Wipe(newCluster: true);
        Put("10.1.1.0-24", 1);
        Put("10.1.2.0-24", 2);
        await Eventually.TrueAsync(() => Watcher.Current.Leases.Values.Count(lease => lease.IsRetained) == 1, "the agents are back", Time, TimeSpan.FromMilliseconds(5));
        (LeaseTable first, LeaseTable later) = await RestartAsync(Watcher.Current);
        Assert.Equal(3, first.Leases.Count);
        Assert.Equal(3, later.Leases.Count);
    }

    [Fact]
    public async Task A_peer_that_went_between_two_runs_is_not_kept()
    {
        LeaseTable known = Watcher.Current;
        Store.Delete(Some.Path("10.1.1.0-24"));
        (LeaseTable first, _) = await RestartAsync(known);
        Assert.Equal("10.1.2.0-24", Assert.Single(first.Leases.Values).Key.Name);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task C13_C14_after_a_wipe_peers_stay_half_a_minute_for_their_nodes_to_come_back(bool newCluster)
    {
        Store.Wipe(newCluster);
        await Eventually.TrueAsync(() => Log.Count("etcd was wiped") == 1, "noticed", Time, TimeSpan.FromMilliseconds(5));
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());
        Put("10.1.2.0-24", 2); // this one comes back, the other not
        Put("10.1.3.0-24", 3);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
        await ComesTrueAsync(() => Watcher.WaitingFor is null, "watching");
        Time.Advance(TimeSpan.FromSeconds(31));
        await ShowsAsync("10.1.2.0-24", "10.1.3.0-24");
        Assert.Equal(0, Log.Count("10.1.2.0-24 of"));
    }

    [Fact]
    public async Task C13_C14_a_wipe_that_the_same_clusters_revisions_have_passed_is_noticed()
    {
        Store.IsDown = true;
        await Eventually.TrueAsync(() => Watcher.WaitingFor is not null, "noticed");
        long seen = Store.Revision;
        Store.Wipe(newCluster: false);
        Put("10.1.3.0-24", 3);
        while (Store.Revision <= seen)
            Store.Put("elsewhere", "");
        Put("10.1.2.0-24", 2); // back already, the first not yet
        Store.IsDown = false;
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
        await ComesTrueAsync(() => Watcher.WaitingFor is null, "watching");
        Time.Advance(TimeSpan.FromSeconds(31));
        await ShowsAsync("10.1.2.0-24", "10.1.3.0-24");
        Assert.Equal(0, Log.Count("10.1.2.0-24 of"));
    }

    [Fact]
    public async Task C14_C17_deleting_all_keys_at_once_is_a_wipe_and_a_new_claim_settles_it()
    {
        Store.Delete(StorePaths.Subnets);
        Put("10.1.1.0-24", 9); // somebody new is quicker than the old owner
        await Eventually.TrueAsync(() => Watcher.Current.Leases.Count == 2 && LeaseAt("10.1.1.0-24").Attributes == Agent(9), "settled");
        Assert.Equal(Agent(2), LeaseAt("10.1.2.0-24").Attributes);
    }

    private Task PassAsync(int seconds)
    {
        DateTimeOffset end = Time.GetUtcNow() + TimeSpan.FromSeconds(seconds);
        return Eventually.TrueAsync(() => Time.GetUtcNow() >= end, $"{seconds} s", Time, TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task C14_the_half_minute_does_not_end_while_etcd_is_away_again()
    {
        Store.Wipe(newCluster: true);
        await Eventually.TrueAsync(() => Log.Count("etcd was wiped") == 1 && Watcher.WaitingFor is null, "noticed", Time, TimeSpan.FromMilliseconds(5));
        Store.IsDown = true;
        await Eventually.TrueAsync(() => Watcher.WaitingFor is not null, "away again");
        await PassAsync(300);
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());

        Store.IsDown = false;
        await Eventually.TrueAsync(() => Watcher.WaitingFor is null, "back", Time);
        Put("10.1.2.0-24", 2);
        await PassAsync(20);
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());
        await PassAsync(11);
        await ShowsAsync("10.1.2.0-24");
    }

    [Fact]
    public async Task C14_a_second_wipe_begins_the_half_minute_anew()
    {
        Store.Wipe(newCluster: true);
        await Eventually.TrueAsync(() => Log.Count("etcd was wiped") == 1 && Watcher.WaitingFor is null, "noticed", Time, TimeSpan.FromMilliseconds(5));
        await PassAsync(20);
        Store.Wipe(newCluster: true);
        await Eventually.TrueAsync(() => Log.Count("etcd was wiped") == 2 && Watcher.WaitingFor is null, "noticed again", Time, TimeSpan.FromMilliseconds(5));
        await PassAsync(20);
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());
        await PassAsync(11);
        await ShowsAsync();
    }
}
