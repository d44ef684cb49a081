using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Keeping;

/// <summary>Another address of this node in its key.</summary>
public sealed class ReaddressTests : KeeperTest
{
    [Fact]
    public async Task K2_another_address_of_this_node_is_written_over_the_revision_last_seen_and_kept()
    {
        Keeper.Republish(Some.Node(9).PublicIP);
        await HappensAsync<LeaseHappening.Recreated>();
        LeaseAttributes wanted = Some.Node(1, "n1") with { PublicIP = Some.Node(9).PublicIP };
        Assert.Equal(Some.Json(wanted), Store.GetText(OwnPath));
        Assert.Equal((wanted, Acquired.Key), (Keeper.Lease.Attributes, Keeper.Lease.Key));

        Store.Delete(OwnPath);
        await HappensAsync<LeaseHappening.Recreated>(2);
        Assert.Equal(Some.Json(wanted), Store.GetText(OwnPath));
        Assert.Equal(0, Count<LeaseHappening.Lost>());
    }

    // The write has happened, and neither a lost answer nor a second change makes the key look like another node's.
    [Fact]
    public async Task K2_C32_addresses_that_change_while_answers_are_lost_end_with_the_last_one()
    {
        Store.LoseReplies(1);
        Keeper.Republish(Some.Node(9).PublicIP);
        await Eventually.TrueAsync(() => Store.GetText(OwnPath)!.Contains($"{Some.Node(9).PublicIP}", StringComparison.Ordinal), "written", Time);
        Keeper.Republish(Some.Node(10).PublicIP);

        await Eventually.TrueAsync(() => Store.GetText(OwnPath)!.Contains($"{Some.Node(10).PublicIP}", StringComparison.Ordinal), "written again", Time);
        await HappensAsync<LeaseHappening.Recreated>();
        Assert.Equal(Acquired.Key, Keeper.Lease.Key);
        Assert.Equal(0, Count<LeaseHappening.Lost>());
    }

    [Fact]
    public async Task K2_an_address_that_changes_while_another_node_takes_the_subnet_goes_with_the_move()
    {
        Store.IsDown = true;
        Keeper.Republish(Some.Node(9).PublicIP);
        Store.Put(OwnPath, Some.Json(Some.Node(2, "n2")), etcdLeaseId: 77);
        Store.IsDown = false;

        await HappensAsync<LeaseHappening.Moved>();
        Assert.Equal(Some.Json(Some.Node(2, "n2")), Store.GetText(OwnPath));
        Assert.Equal(Some.Node(9).PublicIP, Keeper.Lease.Attributes.PublicIP);
    }

    [Fact]
    public async Task K2_C30_an_address_that_another_node_holds_is_given_up_by_the_one_that_came_later()
    {
        const string Theirs = "10.1.250.0-24";
        Store.Put(Some.Path(Theirs), Some.Json(Some.Node(9, "n9")), etcdLeaseId: 77);
        Keeper.Republish(Some.Node(9).PublicIP);
        await Eventually.TrueAsync(() => Keeping.IsCompleted, "stopped", Time);
        DuplicatePublicIpException refusal = await Assert.ThrowsAsync<DuplicatePublicIpException>(() => Keeping);
        Assert.Equal(Theirs, refusal.Theirs.Key.Name);
        Assert.Equal(Some.Path(Theirs), Assert.Single(Store.All(StorePaths.Subnets)).Path);
    }

    [Fact]
    public async Task K2_C30_two_nodes_that_exchange_their_addresses_both_go_on()
    {
        const string Theirs = "10.1.250.0-24";
        LeaseAttributes other = Some.Node(9, "n9");
        Store.Put(Some.Path(Theirs), Some.Json(other), etcdLeaseId: 77);
        Keeper.Republish(other.PublicIP);
        await Eventually.TrueAsync(() => Log.Count("is in use by another node, too") == 1, "noticed", Time, TimeSpan.FromMilliseconds(20));
        Store.Put(Some.Path(Theirs), Some.Json(other with { PublicIP = Some.Node(1).PublicIP }), etcdLeaseId: 77);
        await PassAsync(TimeSpan.FromMinutes(5), TimeSpan.FromSeconds(1));
        Assert.False(Keeping.IsCompleted);
        Assert.Equal(other.PublicIP, Keeper.Lease.Attributes.PublicIP);
    }

    [Fact]
    public async Task C13_C30_the_key_of_a_dead_namesake_that_a_backup_brings_back_stops_nobody_but_that_of_a_live_one_does()
    {
        const string Theirs = "10.1.250.0-24";
        Store.Put(Some.Path(Theirs), Some.Json(Some.Node(1, "clone")), etcdLeaseId: 77);
        Store.Delete(OwnPath);
        await PassAsync(TimeSpan.FromHours(24), TimeSpan.FromMinutes(5));
        Store.Delete(Some.Path(Theirs)); // as its etcd lease runs out
        await PassAsync(TimeSpan.FromHours(49), TimeSpan.FromMinutes(5));
        Assert.False(Keeping.IsCompleted);
        Assert.NotNull(Store.Get(OwnPath));

        Store.Put(Some.Path(Theirs), Some.Json(Some.Node(1, "clone")), etcdLeaseId: 77);
        Store.Delete(OwnPath);
        await Eventually.TrueAsync(() => Keeping.IsCompleted, "stopped", Time, TimeSpan.FromMinutes(5));
        await Assert.ThrowsAsync<DuplicatePublicIpException>(() => Keeping);
        Assert.InRange(Log.Count("is in use by another node, too"), 2, 20);
    }
}
