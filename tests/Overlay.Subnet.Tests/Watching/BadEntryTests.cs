using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Watching;

/// <summary>What others write is refused, counted and said once.</summary>
public sealed class BadEntryTests : WatcherTest
{
    [Fact]
    public async Task C25_bad_names_are_escaped_counted_logged_once_and_harm_nobody()
    {
        foreach (string name in new[] { "10.5.34.0-24x", "10.5.34.1-24", "%s\n\0\u202e", "" })
            Store.Put(StorePaths.Subnets + name, Some.Json(Some.Node(7)));
        Store.Put("subnets-old/10.1.7.0-24", Some.Json(Some.Node(7)));
        Put("10.1.3.0-24", 3);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.3.0-24");
        Assert.Equal(4, Watcher.Current.RejectedKeys);
        Assert.Equal(1, Log.Count("ignoring subnets/%s\\u000a\\u0000\\u202e: not of the form"));
        Store.Put(StorePaths.Subnets + "%s\n\0\u202e", "again");
        Store.Delete(Some.Path("10.5.34.0-24x"));
        await ComesTrueAsync(() => Watcher.Current.RejectedKeys == 3, "counted down");
        Assert.Equal(4, Log.Count("ignoring"));
    }

    [Fact]
    public async Task C26_the_last_good_value_is_kept_while_a_bad_one_stands_until_delete()
    {
        foreach (string bad in new[] { "", "null", "{}", "garbage" })
            Store.Put(Some.Path("10.1.2.0-24"), bad);
        Store.Put(Some.Path("10.1.3.0-24"), "never good");
        await ComesTrueAsync(() => Watcher.Current.RejectedValues == 2, "counted");
        Assert.Equal(Agent(2), LeaseAt("10.1.2.0-24").Attributes);
        Assert.Equal("10.1.1.0-24 10.1.2.0-24", Shown());
        Assert.Equal(1, Log.Count("ignoring subnets/10.1.2.0-24"));

        Store.IsDown = true; // a new snapshot keeps it too
        Store.Compact();
        Put("10.1.4.0-24", 4);
        Store.Compact();
        Store.IsDown = false;
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.4.0-24");
        Store.Delete(Some.Path("10.1.2.0-24"));
        Store.Put(Some.Path("10.1.2.0-24"), "bad from birth");
        await ShowsAsync("10.1.1.0-24", "10.1.4.0-24");
    }

    [Fact]
    public async Task C27_overlapping_peers_are_counted_and_logged_once()
    {
        Put("10.1.2.0-23", 5);
        await ComesTrueAsync(() => Watcher.Current.Conflicts.Count == 1, "conflict");
        Put("10.1.9.0-24", 9);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.9.0-24");
        await ComesTrueAsync(() => Log.Count("ignoring lease 10.1.2.0-23 of 192.168.0.6: it overlaps 10.1.2.0-24") == 1, "logged");
        Store.Delete(Some.Path("10.1.2.0-24"));
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-23", "10.1.9.0-24");
    }

    [Fact]
    public async Task C27_K2_our_lease_is_not_displaced_after_this_node_has_another_address()
    {
        Put("10.1.4.0-23", 5);
        Put("10.1.4.0-24", 9); // ours, rewritten with the new address
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.4.0-23");
        Watcher.Readdress(Some.Node(9).PublicIP);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24", "10.1.4.0-24");
    }
}
