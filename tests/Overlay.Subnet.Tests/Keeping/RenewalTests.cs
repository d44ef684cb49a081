using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Keeping;

/// <summary>That a lease is renewed in time, whatever else goes wrong.</summary>
public sealed class RenewalTests : KeeperTest
{
    [Fact]
    public async Task A_held_lease_is_renewed_every_third_of_its_life_and_the_key_is_never_written()
    {
        await PassAsync(TimeSpan.FromHours(49), TimeSpan.FromMinutes(10));
        await HappensAsync<LeaseHappening.Renewed>(7);
        Assert.Equal(7, Count<LeaseHappening.Renewed>());
        Assert.Equal(Acquired.ModRevision, Store.Get(OwnPath)!.ModRevision);
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
    public async Task C4_C19_an_expired_lease_is_replaced_for_the_same_subnet()
    {
        Store.Expire(Acquired.EtcdLeaseId);
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(Acquired.Subnet, Keeper.Lease.Subnet);
        Assert.NotEqual(Acquired.EtcdLeaseId, Store.Get(OwnPath)!.EtcdLeaseId);
        await HappensAsync<LeaseHappening.Renewed>(2);
    }

    [Fact]
    public async Task C3_C4_C6_etcd_away_for_25_hours_keeps_everything_and_the_same_subnet_is_taken_again()
    {
        Store.IsDown = true;
        await HappensAsync<LeaseHappening.EtcdUnreachable>();
        await PassAsync(TimeSpan.FromHours(25), TimeSpan.FromMinutes(5));
        await HappensAsync<LeaseHappening.Overdue>();
        Assert.Equal((1, 1, 0), (Count<LeaseHappening.EtcdUnreachable>(), Count<LeaseHappening.Overdue>(), Count<LeaseHappening.Moved>()));
        Assert.Equal(Acquired.Subnet, Keeper.Lease.Subnet);
        Assert.Null(Store.Get(OwnPath));
        Store.IsDown = false;
        await HappensAsync<LeaseHappening.Recreated>();
        await HappensAsync<LeaseHappening.EtcdBack>();
        Assert.NotNull(Store.Get(OwnPath));
    }

    [Fact]
    public async Task Stopping_leaves_the_key_as_it_is()
    {
        await StopAsync();
        Assert.NotNull(Store.Get(OwnPath));
    }

    [Fact]
    public async Task C11_a_key_that_etcd_does_not_take_never_keeps_its_lease_from_being_renewed()
    {
        Store.Fault = (operation, _) => operation == "put" ? new StoreException(StoreFault.OutOfSpace, "full") : null;
        Store.Delete(OwnPath);
        await PassAsync(TimeSpan.FromHours(49), TimeSpan.FromMinutes(10));
        Assert.Equal((0, 0), (Count<LeaseHappening.Overdue>(), Count<LeaseHappening.Recreated>()));
        Store.Fault = null;
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(Acquired.EtcdLeaseId, Store.Get(OwnPath)!.EtcdLeaseId);
    }

    [Fact]
    public async Task C11_C34_a_key_that_is_gone_and_cannot_be_written_is_told_and_its_renewed_lease_does_not_hide_it()
    {
        string full = "full";
        Store.Fault = (operation, _) => operation == "put" ? new StoreException(StoreFault.OutOfSpace, full) : null;
        Store.Expire(Acquired.EtcdLeaseId);
        await HappensAsync<LeaseHappening.Hindered>();
        await PassAsync(TimeSpan.FromHours(9), TimeSpan.FromMinutes(10));
        Assert.True(await Store.KeepAliveAsync(Keeper.Lease.EtcdLeaseId, TestContext.Current.CancellationToken) > TimeSpan.Zero, "the new lease is renewed");
        Assert.Equal((1, 1), (Count<LeaseHappening.Renewed>(), Count<LeaseHappening.Hindered>())); // the one at the start
        full = "still full";
        await HappensAsync<LeaseHappening.Hindered>(2);
        Assert.Equal(["full", "still full"], Happened.OfType<LeaseHappening.Hindered>().Select(hindered => hindered.Reason));
        Store.Fault = null;
        await HappensAsync<LeaseHappening.Recreated>();
        await HappensAsync<LeaseHappening.Renewed>(2);
    }

    [Fact]
    public async Task C13_a_key_and_lease_that_a_restored_backup_brings_back_are_renewed_again()
    {
        StoreRecord before = Store.Get(OwnPath)!;
        int refused = 0;
        Store.Fault = (operation, _) => operation == "grant" && Interlocked.Increment(ref refused) > 0 ? new StoreException(StoreFault.OutOfSpace, "full") : null;
        Store.Expire(Acquired.EtcdLeaseId);
        await Eventually.TrueAsync(() => Volatile.Read(ref refused) > 0, "another lease was asked for", Time);
        Store.Revive(Acquired.EtcdLeaseId, TimeSpan.FromHours(24));
        Store.Put(OwnPath, [.. before.Value.Span], Acquired.EtcdLeaseId);
        await HappensAsync<LeaseHappening.Recreated>();
        await PassAsync(TimeSpan.FromHours(49), TimeSpan.FromMinutes(10));
        Assert.Equal(Acquired.EtcdLeaseId, Store.Get(OwnPath)?.EtcdLeaseId);
    }

    [Fact]
    public async Task C11_etcd_that_answers_but_lets_nobody_watch_is_told_until_it_does()
    {
        Store.Fault = (operation, _) => operation == "watch" ? new StoreException(StoreFault.Unreachable, "no watch") : null;
        Store.Disconnect();
        await HappensAsync<LeaseHappening.EtcdUnreachable>();
        await PassAsync(TimeSpan.FromHours(9), TimeSpan.FromMinutes(1));
        await HappensAsync<LeaseHappening.Renewed>(2);
        Assert.Equal((1, 0), (Count<LeaseHappening.EtcdUnreachable>(), Count<LeaseHappening.EtcdBack>()));
        Store.Fault = null;
        await HappensAsync<LeaseHappening.EtcdBack>();
    }
}
