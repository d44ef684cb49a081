using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Keeping;

/// <summary>A lease that an earlier run acquired.</summary>
public sealed class EarlierRunTests : KeeperTest
{
    [Fact]
    public async Task C2_a_lease_of_an_earlier_run_is_kept_as_if_that_run_had_gone_on()
    {
        StoreRecord before = Store.Get(OwnPath)!;
        Store.IsDown = true;
        await RestartAsync(TimeSpan.FromHours(1));
        await HappensAsync<LeaseHappening.EtcdUnreachable>();
        Assert.Equal(0, Log.Count("Warning 2116"));   // the watcher of all leases says it
        Store.IsDown = false;
        await HappensAsync<LeaseHappening.Renewed>();
        await HappensAsync<LeaseHappening.EtcdBack>();
        Assert.Equal(before, Store.Get(OwnPath));
        await Eventually.TrueAsync(() => Keeper.Lease.ModRevision == before.ModRevision, "confirmed", Time);
        Assert.Equal((0, 0, 0), (Count<LeaseHappening.Overdue>(), Count<LeaseHappening.Recreated>(), Count<LeaseHappening.Moved>()));
    }

    [Fact]
    public async Task C6_a_lease_of_an_earlier_run_that_has_run_out_is_an_alarm_at_once()
    {
        Store.IsDown = true;
        Store.Expire(Acquired.EtcdLeaseId);
        await RestartAsync(TimeSpan.FromHours(-1));
        await Eventually.TrueAsync(() => Count<LeaseHappening.Overdue>() == 1, "alarm"); // the clock stands still meanwhile
        Store.IsDown = false;
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.NotNull(Store.Get(OwnPath));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task C16_a_wipe_while_the_agent_was_away_is_answered_with_the_same_subnet(bool newCluster)
    {
        Store.Wipe(newCluster);
        Store.IsDown = true;
        await RestartAsync(TimeSpan.FromHours(1));
        Store.IsDown = false;
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(Some.Json(Some.Node(1, "n1")), Store.GetText(OwnPath));
        Assert.Equal(0, Count<LeaseHappening.Moved>());
    }

    // The restored store is behind the revision at which we wrote, and another node's key stands there.
    [Fact]
    public async Task C13_C17_a_subnet_taken_in_a_restored_store_while_the_agent_was_away_is_left_to_its_owner()
    {
        Store.Wipe(newCluster: true);
        Store.Put(OwnPath, Some.Json(Some.Node(2, "n2")), etcdLeaseId: 77);
        await RestartAsync(TimeSpan.FromHours(1));
        await HappensAsync<LeaseHappening.Moved>();
        Assert.Equal(Some.Json(Some.Node(2, "n2")), Store.GetText(OwnPath));
        Assert.NotEqual(Acquired.Subnet, Keeper.Lease.Subnet);
    }

    // The address changes before the key can be looked at, so it is written unseen.
    [Fact]
    public async Task C16_C22_K2_a_reservation_that_a_wipe_took_away_is_not_made_again()
    {
        Store.Put(OwnPath, Some.Json(Some.Node(1, "n1")), etcdLeaseId: 0);
        await HappensAsync<LeaseHappening.Reserved>();
        await StopAsync();
        Store.Wipe(newCluster: true);
        Store.Fault = (operation, path) => operation == "read" && path == OwnPath ? new StoreException(StoreFault.Unreachable, "away") : null;
        await RestartAsync(TimeSpan.FromHours(1));
        Keeper.Republish(Some.Node(9).PublicIP);
        await Eventually.TrueAsync(() => Store.Get(OwnPath) is not null, "written", Time);
        Assert.NotEqual(0, Store.Get(OwnPath)!.EtcdLeaseId);
    }

    // The start gave the acquisition up after its half second; the write was on its way, under an etcd lease of its own.
    [Fact]
    public async Task C31_C32_our_own_write_that_comes_late_is_not_taken_for_another_machines()
    {
        Store.Expire(Acquired.EtcdLeaseId);
        await StopAsync();
        Store.Delete(OwnPath);
        long before = Acquirer.LastGranted;
        using var patience = new CancellationTokenSource();
        Store.Fault = (operation, _) => operation == "put" ? new StoreException(StoreFault.Timeout, "slow") : null;
        Task<OwnLease> givenUp = Acquirer.AcquireAsync(Some.Config, Some.Node(1, "n1"), [Acquired.Subnet], patience.Token);
        await Eventually.TrueAsync(() => Acquirer.LastGranted != before, "granted", Time);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenUp);
        Store.Fault = null;

        Store.Put(OwnPath, Some.Json(Some.Node(1, "n1")), Acquirer.LastGranted);
        await RestartAsync(TimeSpan.FromHours(1));
        await HappensAsync<LeaseHappening.Renewed>();
        Assert.Equal(Acquirer.LastGranted, Keeper.Lease.EtcdLeaseId);
        Assert.Equal(0, Log.Count("written by somebody else"));
    }
}
