using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Allocation;

public sealed class LeaseKeeperTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private readonly ListLogger<LeaseKeeper> _log = new();
    private readonly ConcurrentQueue<LeaseHappening> _happened = new();
    private readonly MemoryLeaseStore _store;
    private readonly LeaseAcquirer _acquirer;
    private CancellationTokenSource _stop = new();
    private LeaseKeeper _keeper = null!;
    private Task _running = Task.CompletedTask;
    private OwnLease _acquired = null!;

    public LeaseKeeperTests()
    {
        _store = new MemoryLeaseStore(_time);
        _acquirer = new LeaseAcquirer(_store, new LeaseTiming(), _time, new ListLogger<LeaseAcquirer>(), new Random(1));
    }

    private string OwnPath => Some.Path(_acquired.Key.Name);

    public async ValueTask InitializeAsync() => await StartAsync(Some.Node(1, "n1"));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.False(_running.IsFaulted, $"{_running.Exception}");
        _stop.Dispose();
    }

    private async Task StartAsync(LeaseAttributes wanted)
    {
        _acquired = await _acquirer.AcquireAsync(Some.Config, wanted, [], TestContext.Current.CancellationToken);
        Run(remaining: null);
        await Eventually.TrueAsync(() => _store.WatchCount > 0 && (_acquired.IsReservation || Count<LeaseHappening.Renewed>() == 1), "started");
    }

    private void Run(TimeSpan? remaining)
    {
        _keeper = new LeaseKeeper(_store, _acquirer, Some.Config, _acquired, new LeaseTiming(), _time, _log, remaining: remaining);
        _running = Task.WhenAll(_keeper.RunAsync(_stop.Token), Task.Run(async () =>
        {
            await foreach (LeaseHappening happening in _keeper.Happenings.ReadAllAsync(_stop.Token))
                _happened.Enqueue(happening);
        }));
    }

    private int Count<T>() => _happened.OfType<T>().Count();

    private Task HappensAsync<T>(int count = 1) => Eventually.TrueAsync(() => Count<T>() >= count, $"{count} {typeof(T).Name}", _time);

    private async Task PassAsync(TimeSpan duration, TimeSpan step)
    {
        DateTimeOffset end = _time.GetUtcNow() + duration;
        await Eventually.TrueAsync(() => _time.GetUtcNow() >= end, "time passes", _time, step);
    }

    [Fact]
    public async Task A_held_lease_is_renewed_every_third_of_its_life_and_the_key_is_never_written()
    {
        await PassAsync(TimeSpan.FromHours(49), TimeSpan.FromMinutes(10));
        await HappensAsync<LeaseHappening.Renewed>(7);
        Assert.Equal(7, Count<LeaseHappening.Renewed>());
        Assert.Equal(_acquired.ModRevision, _store.Get(OwnPath)!.ModRevision);
    }

    [Theory]
    [InlineData(86400, 60, 28800)]
    [InlineData(86400, 1439, 60)]
    [InlineData(60, 60, 20)]
    [InlineData(86400, 1000, 26400)]
    public void Renewal_comes_after_a_third_or_as_early_as_the_margin_asks(int ttlSeconds, int marginMinutes, int afterSeconds)
    {
        var timing = new LeaseTiming { RenewMargin = TimeSpan.FromMinutes(marginMinutes) };
        Assert.Equal(TimeSpan.FromSeconds(afterSeconds), timing.RenewAfter(TimeSpan.FromSeconds(ttlSeconds)));
    }

    [Fact]
    public async Task C20_a_deleted_key_is_written_again_for_the_same_subnet_at_once()
    {
        DateTimeOffset before = _time.GetUtcNow();
        _store.Delete(OwnPath);
        await Eventually.TrueAsync(() => Count<LeaseHappening.Recreated>() == 1, "recreated"); // the clock stands still meanwhile
        Assert.True(_time.GetUtcNow() - before < TimeSpan.FromSeconds(1));
        Assert.Equal(Some.Json(Some.Node(1, "n1")), _store.GetText(OwnPath));
        Assert.Equal(_acquired.EtcdLeaseId, _store.Get(OwnPath)!.EtcdLeaseId);
    }

    // As the agent starts without etcd: with the lease as an earlier run remembered it, and no revision.
    private async Task RestartAsync(TimeSpan remaining)
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop = new CancellationTokenSource();
        _happened.Clear();
        _acquired = _acquired with { ModRevision = 0 };
        Run(remaining);
    }

    [Fact]
    public async Task C2_a_lease_of_an_earlier_run_is_kept_as_if_that_run_had_gone_on()
    {
        StoreRecord before = _store.Get(OwnPath)!;
        _store.IsDown = true;
        await RestartAsync(TimeSpan.FromHours(1));
        await HappensAsync<LeaseHappening.EtcdUnreachable>();
        Assert.Equal(0, _log.Count("Warning 2116"));   // the watcher of all leases says it
        _store.IsDown = false;
        await HappensAsync<LeaseHappening.Renewed>();
        await HappensAsync<LeaseHappening.EtcdBack>();
        Assert.Equal(before, _store.Get(OwnPath));
        await Eventually.TrueAsync(() => _keeper.Lease.ModRevision == before.ModRevision, "confirmed", _time);
        Assert.Equal((0, 0, 0), (Count<LeaseHappening.Overdue>(), Count<LeaseHappening.Recreated>(), Count<LeaseHappening.Moved>()));
    }

    [Fact]
    public async Task C6_a_lease_of_an_earlier_run_that_has_run_out_is_an_alarm_at_once()
    {
        _store.IsDown = true;
        _store.Expire(_acquired.EtcdLeaseId);
        await RestartAsync(TimeSpan.FromHours(-1));
        await Eventually.TrueAsync(() => Count<LeaseHappening.Overdue>() == 1, "alarm"); // the clock stands still meanwhile
        _store.IsDown = false;
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.NotNull(_store.Get(OwnPath));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task C16_a_wipe_while_the_agent_was_away_is_answered_with_the_same_subnet(bool newCluster)
    {
        _store.Wipe(newCluster);
        _store.IsDown = true;
        await RestartAsync(TimeSpan.FromHours(1));
        _store.IsDown = false;
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(Some.Json(Some.Node(1, "n1")), _store.GetText(OwnPath));
        Assert.Equal(0, Count<LeaseHappening.Moved>());
    }

    // The restored store is behind the revision at which we wrote, and another node's key stands there.
    [Fact]
    public async Task C13_C17_a_subnet_taken_in_a_restored_store_while_the_agent_was_away_is_left_to_its_owner()
    {
        _store.Wipe(newCluster: true);
        _store.Put(OwnPath, Some.Json(Some.Node(2, "n2")), etcdLeaseId: 77);
        await RestartAsync(TimeSpan.FromHours(1));
        await HappensAsync<LeaseHappening.Moved>();
        Assert.Equal(Some.Json(Some.Node(2, "n2")), _store.GetText(OwnPath));
        Assert.NotEqual(_acquired.Subnet, _keeper.Lease.Subnet);
    }

    [Fact]
    public async Task C4_C19_an_expired_lease_is_replaced_for_the_same_subnet()
    {
        _store.Expire(_acquired.EtcdLeaseId);
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(_acquired.Subnet, _keeper.Lease.Subnet);
        Assert.NotEqual(_acquired.EtcdLeaseId, _store.Get(OwnPath)!.EtcdLeaseId);
        await HappensAsync<LeaseHappening.Renewed>(2);
    }

    [Fact]
    public async Task C3_C4_C6_etcd_away_for_25_hours_keeps_everything_and_the_same_subnet_is_taken_again()
    {
        _store.IsDown = true;
        await HappensAsync<LeaseHappening.EtcdUnreachable>();
        await PassAsync(TimeSpan.FromHours(25), TimeSpan.FromMinutes(5));
        await HappensAsync<LeaseHappening.Overdue>();
        Assert.Equal((1, 1, 0), (Count<LeaseHappening.EtcdUnreachable>(), Count<LeaseHappening.Overdue>(), Count<LeaseHappening.Moved>()));
        Assert.Equal(_acquired.Subnet, _keeper.Lease.Subnet);
        Assert.Null(_store.Get(OwnPath));
        _store.IsDown = false;
        await HappensAsync<LeaseHappening.Recreated>();
        await HappensAsync<LeaseHappening.EtcdBack>();
        Assert.NotNull(_store.Get(OwnPath));
    }

    [Fact]
    public async Task C5_a_subnet_taken_while_we_were_cut_off_is_left_to_its_new_owner()
    {
        _store.IsDown = true;
        _store.Expire(_acquired.EtcdLeaseId);
        _store.Put(OwnPath, Some.Json(Some.Node(2, "n2")), etcdLeaseId: 77);
        _store.IsDown = false;
        await HappensAsync<LeaseHappening.Moved>();
        LeaseHappening.Moved moved = _happened.OfType<LeaseHappening.Moved>().Single();
        Assert.Equal((_acquired.Subnet, Some.Node(2).PublicIP), (moved.Old.Subnet, moved.By.PublicIP));
        Assert.NotEqual(_acquired.Subnet, moved.New.Subnet);
        Assert.Equal(1, Count<LeaseHappening.Lost>());
        Assert.Equal(Some.Json(Some.Node(2, "n2")), _store.GetText(OwnPath));
        Assert.Equal(1, _log.Count($"subnet {_acquired.Key} of this node (192.168.0.2) is now held by 192.168.0.3"));

        _store.Delete(Some.Path(moved.New.Key.Name)); // and the new one is kept like the old one was
        await HappensAsync<LeaseHappening.Recreated>();
    }

    [Fact]
    public async Task C21_a_key_overwritten_by_another_node_is_not_fought_for()
    {
        _store.Put(OwnPath, Some.Json(Some.Node(2)), etcdLeaseId: 77);
        long theirs = _store.Get(OwnPath)!.ModRevision;
        await HappensAsync<LeaseHappening.Moved>();
        Assert.Equal(theirs, _store.Get(OwnPath)!.ModRevision);
    }

    [Fact]
    public async Task K2_another_address_of_this_node_is_written_over_the_revision_last_seen_and_kept()
    {
        _keeper.Republish(Some.Node(9).PublicIP);
        await HappensAsync<LeaseHappening.Recreated>();
        LeaseAttributes wanted = Some.Node(1, "n1") with { PublicIP = Some.Node(9).PublicIP };
        Assert.Equal(Some.Json(wanted), _store.GetText(OwnPath));
        Assert.Equal((wanted, _acquired.Key), (_keeper.Lease.Attributes, _keeper.Lease.Key));

        _store.Delete(OwnPath);
        await HappensAsync<LeaseHappening.Recreated>(2);
        Assert.Equal(Some.Json(wanted), _store.GetText(OwnPath));
        Assert.Equal(0, Count<LeaseHappening.Lost>());
    }

    // The write has happened, and neither a lost answer nor a second change makes the key look like another node's.
    [Fact]
    public async Task K2_C32_addresses_that_change_while_answers_are_lost_end_with_the_last_one()
    {
        _store.LoseReplies(1);
        _keeper.Republish(Some.Node(9).PublicIP);
        await Eventually.TrueAsync(() => _store.GetText(OwnPath)!.Contains($"{Some.Node(9).PublicIP}", StringComparison.Ordinal), "written", _time);
        _keeper.Republish(Some.Node(10).PublicIP);

        await Eventually.TrueAsync(() => _store.GetText(OwnPath)!.Contains($"{Some.Node(10).PublicIP}", StringComparison.Ordinal), "written again", _time);
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(_acquired.Key, _keeper.Lease.Key);
        Assert.Equal(0, Count<LeaseHappening.Lost>());
    }

    [Fact]
    public async Task K2_an_address_that_changes_while_another_node_takes_the_subnet_goes_with_the_move()
    {
        _store.IsDown = true;
        _keeper.Republish(Some.Node(9).PublicIP);
        _store.Put(OwnPath, Some.Json(Some.Node(2, "n2")), etcdLeaseId: 77);
        _store.IsDown = false;

        await HappensAsync<LeaseHappening.Moved>();
        Assert.Equal(Some.Json(Some.Node(2, "n2")), _store.GetText(OwnPath));
        Assert.Equal(Some.Node(9).PublicIP, _keeper.Lease.Attributes.PublicIP);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("""{"PublicIP":"192.168.0.2","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:ff:ff:ff:ff:ff"}}""")]
    public async Task A_key_of_ours_that_was_altered_is_set_right(string value)
    {
        _store.Put(OwnPath, value, _acquired.EtcdLeaseId);
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(Some.Json(Some.Node(1, "n1")), _store.GetText(OwnPath));
    }

    [Fact]
    public async Task C22_a_key_that_an_operator_makes_a_reservation_stays_one()
    {
        _store.Put(OwnPath, Some.Json(Some.Node(1, "n1")), etcdLeaseId: 0);
        await Eventually.TrueAsync(() => _keeper.Lease.IsReservation, "noticed");
        await PassAsync(TimeSpan.FromHours(49), TimeSpan.FromMinutes(30));
        Assert.Equal(0, _store.Get(OwnPath)!.EtcdLeaseId);
        Assert.Equal((0, 0), (Count<LeaseHappening.Recreated>(), Count<LeaseHappening.Moved>()));

        _store.Delete(OwnPath); // taken away again: an ordinary lease from now on
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.NotEqual(0, _store.Get(OwnPath)!.EtcdLeaseId);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task C13_C14_after_a_wipe_the_same_subnet_is_written_again(bool newCluster)
    {
        _store.Put(Some.Path("10.1.250.0-24"), Some.Json(Some.Node(9))); // so that the new store is certainly behind
        _store.Wipe(newCluster);
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.NotNull(_store.Get(OwnPath));
        Assert.Equal(0, Count<LeaseHappening.Moved>());
    }

    [Fact]
    public async Task C13_C17_a_subnet_taken_in_a_wiped_store_before_our_key_could_be_written_again_is_left()
    {
        _store.Put(Some.Path("10.1.250.0-24"), Some.Json(Some.Node(9)));
        _store.Delete(OwnPath);
        await HappensAsync<LeaseHappening.Recreated>(); // at a revision that the new store has not reached
        int refused = 0;
        _store.Fault = (operation, _) =>
            operation == "put" && Interlocked.Increment(ref refused) > 0 ? new StoreException(StoreFault.Timeout, "slow") : null;
        _store.Wipe(newCluster: false);
        await Eventually.TrueAsync(() => Volatile.Read(ref refused) > 0, "a try to write the key again", _time);
        _store.Put(OwnPath, Some.Json(Some.Node(9)));
        await HappensAsync<LeaseHappening.Lost>();
    }

    [Fact]
    public async Task C32_a_repair_whose_answer_is_lost_is_not_done_twice()
    {
        _store.LoseReplies(1);
        int writes = _store.WriteCount;
        _store.Delete(OwnPath);
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(writes + 1, _store.WriteCount);
    }

    [Fact]
    public async Task C11_a_write_that_etcd_refuses_is_retried_and_said_once()
    {
        _store.Fault = (operation, _) => operation == "put" ? new StoreException(StoreFault.OutOfSpace, "full") : null;
        _store.Delete(OwnPath);
        await PassAsync(TimeSpan.FromSeconds(40), TimeSpan.FromMilliseconds(500));
        Assert.Equal(1, _log.Count("full"));
        Assert.Equal(0, Count<LeaseHappening.EtcdUnreachable>());
        _store.Fault = null;
        await HappensAsync<LeaseHappening.Recreated>();
    }

    [Fact]
    public async Task K19_a_loop_that_has_nothing_to_do_for_hours_answers_whoever_asks_for_a_sign_of_life()
    {
        for (int asked = 1; asked <= 3; asked++)
        {
            _keeper.Pulse.Ask();
            await Eventually.TrueAsync(() => _keeper.Pulse.Answers == asked, "answered"); // the clock stands still meanwhile
        }
        _store.Put(OwnPath, Some.Json(Some.Node(1, "n1")), etcdLeaseId: 0);
        await Eventually.TrueAsync(() => _keeper.Lease.IsReservation, "a reservation, which is never renewed");
        _keeper.Pulse.Ask();
        await Eventually.TrueAsync(() => _keeper.Pulse.Answers == 4, "answered all the same");
    }

    [Fact]
    public async Task K19_a_loop_that_hangs_does_not_answer()
    {
        using ManualResetEventSlim gate = new();
        using ManualResetEventSlim hangs = new();
        _store.Fault = (operation, _) =>
        {
            if (operation != "put") return null;
            hangs.Set();
            gate.Wait(CancellationToken.None);
            return null;
        };
        _store.Delete(OwnPath);
        await Task.Run(() => hangs.Wait(TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
        long before = _keeper.Pulse.Answers;
        _keeper.Pulse.Ask();
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Equal(before, _keeper.Pulse.Answers);
        _store.Fault = null;
        gate.Set();
        await Eventually.TrueAsync(() => _keeper.Pulse.Answers > before, "answers again", _time);
    }

    [Fact]
    public async Task K19_while_it_waits_for_another_subnet_the_loop_answers()
    {
        _store.Fault = (operation, _) => operation == "grant" ? new StoreException(StoreFault.Unreachable, "away") : null;
        _store.Put(OwnPath, Some.Json(Some.Node(2)), etcdLeaseId: 77);
        await HappensAsync<LeaseHappening.Lost>();
        long before = _keeper.Pulse.Answers;
        _keeper.Pulse.Ask();
        await Eventually.TrueAsync(() => _keeper.Pulse.Answers > before, "answered");
        _store.Fault = null;
        await HappensAsync<LeaseHappening.Moved>();
    }

    [Fact]
    public async Task Stopping_leaves_the_key_as_it_is()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        Assert.NotNull(_store.Get(OwnPath));
    }
}
