using System.Net;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
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

    // What is heard of it afterwards is older than what we saw when we wrote, though the answer to that is lost.
    [Fact]
    public async Task C21_C32_another_node_that_came_and_went_before_we_wrote_takes_nothing()
    {
        bool hasCome = false;
        Store.Fault = (operation, path) =>
        {
            if (operation == "read" && path == StorePaths.Subnets && !hasCome)
            {
                hasCome = true;
                Store.Put(OwnPath, Some.Json(Some.Node(2, "n2")), etcdLeaseId: 77);
                Store.Delete(OwnPath);
                Store.LoseReplies(1);
            }
            return null;
        };
        Store.Delete(OwnPath);
        await Eventually.TrueAsync(() => Count<LeaseHappening.Recreated>() + Count<LeaseHappening.Lost>() > 0, "decided", Time);
        Assert.True(hasCome);
        Assert.Equal((0, Acquired.Subnet), (Count<LeaseHappening.Lost>(), Keeper.Lease.Subnet));
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

    // The operator has changed SubnetLen while we were away, and our subnet was free.
    [Fact]
    public async Task C4_C24_a_subnet_that_another_owner_overlaps_by_now_is_not_written_again()
    {
        string theirs = Enclosing(Acquired.Subnet);
        Store.Put(StorePaths.Config, """{"Network":"10.1.0.0/16","SubnetLen":23,"Backend":{"Type":"vxlan"}}""");
        Store.IsDown = true;
        Store.Expire(Acquired.EtcdLeaseId);
        Store.Put(Some.Path(theirs), Some.Json(Some.Node(2, "n2")), etcdLeaseId: 77);
        Store.IsDown = false;
        await HappensAsync<LeaseHappening.Moved>();
        LeaseHappening.Moved moved = Happened.OfType<LeaseHappening.Moved>().Single();
        Assert.Equal((Some.Node(2).PublicIP, 23), (moved.By.PublicIP, moved.New.Subnet.PrefixLength));
        Assert.Equal(0, Count<LeaseHappening.Recreated>());
        Assert.Equal(new[] { theirs, moved.New.Key.Name }.Order(), Store.All(StorePaths.Subnets).Select(record => StorePaths.SubnetName(record.Path)).Order());
    }

    [Fact]
    public async Task C27_of_two_that_write_overlapping_keys_at_one_moment_the_later_gives_way()
    {
        string theirs = Enclosing(Acquired.Subnet);
        Store.Fault = (operation, path) =>
        {
            if (operation == "put" && path == OwnPath)
                Store.Put(Some.Path(theirs), Some.Json(Some.Node(2, "n2")), etcdLeaseId: 77);
            return null;
        };
        Store.Delete(OwnPath);
        await HappensAsync<LeaseHappening.Moved>();
        Assert.Null(Store.Get(OwnPath));
        Assert.NotNull(Store.Get(Some.Path(theirs)));
    }

    [Fact]
    public async Task C20_C24_a_deleted_key_is_not_written_again_into_a_network_that_is_another_by_now()
    {
        Store.Put(StorePaths.Config, """{"Network":"10.2.0.0/16","Backend":{"Type":"vxlan"}}""");
        Store.Delete(OwnPath);
        await HappensAsync<LeaseHappening.Hindered>();
        Assert.Contains("10.2.0.0/16", Happened.OfType<LeaseHappening.Hindered>().Single().Reason, StringComparison.Ordinal);
        await PassAsync(TimeSpan.FromMinutes(5), TimeSpan.FromSeconds(1));
        Assert.Null(Store.Get(OwnPath));
        Assert.Equal(0, Count<LeaseHappening.Lost>());

        Store.Put(StorePaths.Config, "{");
        await HappensAsync<LeaseHappening.Recreated>(); // of a config that nobody can read, nothing follows
    }

    private static string Enclosing(IPNetwork subnet) => SubnetKey.For(IPv4.Network(IPv4.First(subnet), subnet.PrefixLength - 1)).Name;
}
