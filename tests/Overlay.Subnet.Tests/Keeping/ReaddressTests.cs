using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
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
}
