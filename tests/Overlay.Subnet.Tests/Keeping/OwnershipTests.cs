using Overlay.Subnet.Keeping;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Keeping;

/// <summary>That a subnet which another node holds is left to it.</summary>
public sealed class OwnershipTests : KeeperTest
{
    [Fact]
    public async Task C5_a_subnet_taken_while_we_were_cut_off_is_left_to_its_new_owner()
    {
        Store.IsDown = true;
        Store.Expire(Acquired.EtcdLeaseId);
        Store.Put(OwnPath, Some.Json(Some.Node(2, "n2")), etcdLeaseId: 77);
        Store.IsDown = false;
        await HappensAsync<LeaseHappening.Moved>();
        LeaseHappening.Moved moved = Happened.OfType<LeaseHappening.Moved>().Single();
        Assert.Equal((Acquired.Subnet, Some.Node(2).PublicIP), (moved.Old.Subnet, moved.By.PublicIP));
        Assert.NotEqual(Acquired.Subnet, moved.New.Subnet);
        Assert.Equal(1, Count<LeaseHappening.Lost>());
        Assert.Equal(Some.Json(Some.Node(2, "n2")), Store.GetText(OwnPath));
        Assert.Equal(1, Log.Count($"subnet {Acquired.Key} of this node (192.168.0.2) is now held by 192.168.0.3"));

        Store.Delete(Some.Path(moved.New.Key.Name)); // and the new one is kept like the old one was
        await HappensAsync<LeaseHappening.Recreated>();
    }

    [Fact]
    public async Task C21_a_key_overwritten_by_another_node_is_not_fought_for()
    {
        Store.Put(OwnPath, Some.Json(Some.Node(2)), etcdLeaseId: 77);
        long theirs = Store.Get(OwnPath)!.ModRevision;
        await HappensAsync<LeaseHappening.Moved>();
        Assert.Equal(theirs, Store.Get(OwnPath)!.ModRevision);
    }

    [Fact]
    public async Task C13_C17_a_subnet_taken_in_a_wiped_store_before_our_key_could_be_written_again_is_left()
    {
        Store.Put(Some.Path("10.1.250.0-24"), Some.Json(Some.Node(9)));
        Store.Delete(OwnPath);
        await HappensAsync<LeaseHappening.Recreated>(); // at a revision that the new store has not reached
        int refused = 0;
        Store.Fault = (operation, _) =>
            operation == "put" && Interlocked.Increment(ref refused) > 0 ? new StoreException(StoreFault.Timeout, "slow") : null;
        Store.Wipe(newCluster: false);
        await Eventually.TrueAsync(() => Volatile.Read(ref refused) > 0, "a try to write the key again", Time);
        Store.Put(OwnPath, Some.Json(Some.Node(9)));
        await HappensAsync<LeaseHappening.Lost>();
    }

    [Fact]
    public async Task C13_K2_another_nodes_key_at_the_revision_of_ours_in_a_restored_store_is_not_overwritten()
    {
        long ours = Store.Get(OwnPath)!.ModRevision;
        Store.Fault = (operation, _) => operation is "read" or "watch" ? new StoreException(StoreFault.Unreachable, "away") : null; // so it is not noticed
        Store.Wipe(newCluster: false);
        while (Store.Revision < ours - 1)
            Store.Put("elsewhere", "");
        Store.Put(OwnPath, Some.Json(Some.Node(2, "n2")), etcdLeaseId: 77);
        Assert.Equal(ours, Store.Get(OwnPath)!.ModRevision);
        Keeper.Republish(Some.Node(9).PublicIP);
        await HappensAsync<LeaseHappening.Lost>();
        Assert.Equal(Some.Json(Some.Node(2, "n2")), Store.GetText(OwnPath));
    }
}
