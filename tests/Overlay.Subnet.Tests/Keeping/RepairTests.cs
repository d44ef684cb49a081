using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Keeping;

/// <summary>That our key is written again when it has gone or says something else.</summary>
public sealed class RepairTests : KeeperTest
{
    [Fact]
    public async Task C20_a_deleted_key_is_written_again_for_the_same_subnet_at_once()
    {
        DateTimeOffset before = Time.GetUtcNow();
        Store.Delete(OwnPath);
        await Eventually.TrueAsync(() => Count<LeaseHappening.Recreated>() == 1, "recreated"); // the clock stands still meanwhile
        Assert.True(Time.GetUtcNow() - before < TimeSpan.FromSeconds(1));
        Assert.Equal(Some.Json(Some.Node(1, "n1")), Store.GetText(OwnPath));
        Assert.Equal(Acquired.EtcdLeaseId, Store.Get(OwnPath)!.EtcdLeaseId);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("""{"PublicIP":"192.168.0.2","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:ff:ff:ff:ff:ff"}}""")]
    public async Task A_key_of_ours_that_was_altered_is_set_right(string value)
    {
        Store.Put(OwnPath, value, Acquired.EtcdLeaseId);
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(Some.Json(Some.Node(1, "n1")), Store.GetText(OwnPath));
    }

    [Fact]
    public async Task C22_a_key_that_an_operator_makes_a_reservation_stays_one()
    {
        Store.Put(OwnPath, Some.Json(Some.Node(1, "n1")), etcdLeaseId: 0);
        await HappensAsync<LeaseHappening.Reserved>();
        Assert.True(Keeper.Lease.IsReservation);
        await PassAsync(TimeSpan.FromHours(49), TimeSpan.FromMinutes(30));
        Assert.Equal(0, Store.Get(OwnPath)!.EtcdLeaseId);
        Assert.Equal((0, 0), (Count<LeaseHappening.Recreated>(), Count<LeaseHappening.Moved>()));

        Store.Delete(OwnPath); // taken away again: an ordinary lease from now on
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.NotEqual(0, Store.Get(OwnPath)!.EtcdLeaseId);
    }

    [Fact]
    public async Task C6_C22_a_reservation_made_while_the_lease_ran_out_unseen_ends_the_alarm()
    {
        Store.IsDown = true;
        await PassAsync(TimeSpan.FromHours(25), TimeSpan.FromMinutes(30));
        await HappensAsync<LeaseHappening.Overdue>();
        Store.Put(OwnPath, Some.Json(Some.Node(1, "n1")), etcdLeaseId: 0);
        Store.IsDown = false;
        await Eventually.TrueAsync(() => Count<LeaseHappening.Reserved>() + Count<LeaseHappening.Recreated>() > 0, "told", Time); // by the key, or by a try to write it
        Assert.True(Keeper.Lease.IsReservation);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task C13_C14_after_a_wipe_the_same_subnet_is_written_again(bool newCluster)
    {
        Store.Put(Some.Path("10.1.250.0-24"), Some.Json(Some.Node(9))); // so that the new store is certainly behind
        Store.Wipe(newCluster);
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.NotNull(Store.Get(OwnPath));
        Assert.Equal(0, Count<LeaseHappening.Moved>());
    }

    [Fact]
    public async Task C14_C22_a_wipe_between_the_acquisition_and_the_first_look_at_a_reservation_is_noticed()
    {
        Store.Put(Some.Path("10.1.250.0-24"), Some.Json(Some.Node(9)));
        Store.Put(OwnPath, Some.Json(Some.Node(1, "n1")), etcdLeaseId: 0);
        await Eventually.TrueAsync(() => Keeper.Lease.IsReservation && Keeper.Lease.ModRevision == Store.Revision, "reserved");
        await RestartWipedAsync();
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(Some.Json(Some.Node(1, "n1")), Store.GetText(OwnPath));
    }

    [Fact]
    public async Task C32_a_repair_whose_answer_is_lost_is_not_done_twice()
    {
        Store.LoseReplies(1);
        int writes = Store.WriteCount;
        Store.Delete(OwnPath);
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(writes + 1, Store.WriteCount);
    }

    [Fact]
    public async Task C11_a_write_that_etcd_refuses_is_retried_and_said_once()
    {
        Store.Fault = (operation, _) => operation == "put" ? new StoreException(StoreFault.OutOfSpace, "full") : null;
        Store.Delete(OwnPath);
        await PassAsync(TimeSpan.FromSeconds(40), TimeSpan.FromMilliseconds(500));
        Assert.Equal(1, Log.Count("full"));
        Assert.Equal(0, Count<LeaseHappening.EtcdUnreachable>());
        Store.Fault = null;
        await HappensAsync<LeaseHappening.Recreated>();
    }

    // Both hold the identity of one state folder: each would write the key to attach it to its own etcd lease.
    [Fact]
    public async Task C30_two_machines_with_one_identity_do_not_write_the_key_in_turn()
    {
        (long theirs, _) = await Store.GrantAsync(new LeaseTiming().Ttl, TestContext.Current.CancellationToken);
        Store.Put(OwnPath, Some.Json(Some.Node(1, "n1")), theirs);
        long revision = Store.Get(OwnPath)!.ModRevision;
        await HappensAsync<LeaseHappening.Renewed>(2);
        await PassAsync(TimeSpan.FromHours(25), TimeSpan.FromMinutes(10));
        Assert.Equal((theirs, revision, 0), (Keeper.Lease.EtcdLeaseId, Store.Get(OwnPath)!.ModRevision, Count<LeaseHappening.Recreated>()));
        Assert.Equal(1, Log.Count("written by somebody else"));
    }
}
