using System.Net;
using System.Text;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>The contract of the store, on a healthy etcd.</summary>
public sealed class EtcdLeaseStoreTests(EtcdFixture etcd)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private EtcdOptions NewOptions()
    {
        Assert.SkipUnless(Overlay.Testing.Etcd.EtcdServer.Missing is null, Overlay.Testing.Etcd.EtcdServer.Missing ?? "");
        return etcd.NewOptions();
    }

    [Fact]
    public async Task Create_update_and_delete_each_compare_the_revision()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(NewOptions());
        byte[] one = "1"u8.ToArray(), two = "2"u8.ToArray();
        WriteResult created = await store.PutAsync("subnets/a", one, 0, 0, Cancel);
        Assert.True(created.Succeeded);

        WriteResult again = await store.PutAsync("subnets/a", two, 0, 0, Cancel);
        Assert.False(again.Succeeded);
        Assert.Equal("1", Encoding.UTF8.GetString(again.Current!.Value.Span));
        Assert.Equal(created.Revision, again.Current.ModRevision);

        WriteResult updated = await store.PutAsync("subnets/a", two, 0, created.Revision, Cancel);
        Assert.True(updated.Succeeded);
        Assert.False((await store.DeleteAsync("subnets/a", created.Revision, Cancel)).Succeeded);
        Assert.True((await store.DeleteAsync("subnets/a", updated.Revision, Cancel)).Succeeded);
        Assert.True((await store.DeleteAsync("subnets/a", updated.Revision, Cancel)).Succeeded); // gone already
    }

    [Fact]
    public async Task C32_a_write_that_had_succeeded_without_our_knowing_succeeds_when_repeated()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(NewOptions());
        (long lease, _) = await store.GrantAsync(TimeSpan.FromMinutes(5), Cancel);
        WriteResult first = await store.PutAsync("subnets/a", "1"u8.ToArray(), lease, 0, Cancel);
        WriteResult repeated = await store.PutAsync("subnets/a", "1"u8.ToArray(), lease, 0, Cancel);
        Assert.True(repeated.Succeeded);
        Assert.Equal(first.Revision, repeated.Revision);
        Assert.False((await store.PutAsync("subnets/a", "1"u8.ToArray(), 0, 0, Cancel)).Succeeded); // the same value of another etcd lease is not ours
    }

    [Fact]
    public async Task C33_a_long_list_is_read_in_pages_at_one_revision()
    {
        EtcdOptions options = NewOptions();
        using EtcdLeaseStore store = EtcdFixture.Open(options);
        for (int i = 0; i < 450; i++)
            await store.PutAsync($"subnets/10.{i / 250}.{i % 250}.0-24", "x"u8.ToArray(), 0, 0, Cancel);
        StoreSnapshot snapshot = await store.ReadAsync(StorePaths.Subnets, Cancel);
        Assert.Equal(450, snapshot.Records.Select(record => record.Path).Distinct().Count());
        Assert.All(snapshot.Records, record => Assert.True(record.ModRevision <= snapshot.Revision));
    }

    [Fact]
    public async Task C33_pages_shrink_when_huge_values_do_not_fit_into_one_answer()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(NewOptions());
        byte[] huge = new byte[1024 * 1024];
        for (int i = 0; i < 70; i++)
            await store.PutAsync($"subnets/junk{i:00}", huge, 0, 0, Cancel);
        StoreSnapshot snapshot = await store.ReadAsync(StorePaths.Subnets, Cancel);
        Assert.Equal(70, snapshot.Records.Count);
        Assert.All(snapshot.Records, record => Assert.Equal(StoreRecord.MaxValueLength + 1, record.Value.Length));
        foreach (StoreRecord record in snapshot.Records)
            await store.DeleteAsync(record.Path, record.ModRevision, Cancel);
    }

    [Fact]
    public async Task C25_a_sibling_prefix_is_not_ours_and_odd_names_arrive_whole()
    {
        EtcdOptions options = NewOptions();
        using EtcdLeaseStore store = EtcdFixture.Open(options);
        foreach (string name in new[] { "subnets-old/10.1.2.0-24", "subnets", "subnets/", "subnets/%s\n\0\u202e", "subnets/" + new string('x', 65536), "subnets/10.1.2.0-24" })
            await store.PutAsync(name, "x"u8.ToArray(), 0, 0, Cancel);
        StoreSnapshot snapshot = await store.ReadAsync(StorePaths.Subnets, Cancel);
        Assert.Equal(
            ["subnets/", "subnets/%s\n\0\u202e", "subnets/10.1.2.0-24", "subnets/" + new string('x', StoreRecord.MaxPathLength - 8)],
            snapshot.Records.Select(record => record.Path));
    }

    [Fact]
    public async Task Watch_opens_with_an_empty_batch_and_then_reports_writes_deletes_and_expiry()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(NewOptions());
        StoreSnapshot before = await store.ReadAsync(StorePaths.Subnets, Cancel);
        await using IAsyncEnumerator<StoreChanges> watch = store.WatchAsync(StorePaths.Subnets, before.Revision + 1, Cancel).GetAsyncEnumerator(Cancel);
        Assert.True(await watch.MoveNextAsync());
        Assert.Empty(watch.Current.Records);

        (long lease, TimeSpan ttl) = await store.GrantAsync(TimeSpan.FromSeconds(2), Cancel);
        Assert.True(ttl >= TimeSpan.FromSeconds(2));
        WriteResult put = await store.PutAsync("subnets/a", "1"u8.ToArray(), lease, 0, Cancel);
        await watch.MoveNextAsync();
        StoreRecord written = Assert.Single(watch.Current.Records);
        Assert.Equal(("subnets/a", lease, put.Revision, false), (written.Path, written.EtcdLeaseId, written.ModRevision, written.IsDeleted));

        await watch.MoveNextAsync(); // the lease is not renewed
        Assert.True(Assert.Single(watch.Current.Records).IsDeleted);
        Assert.Equal(TimeSpan.Zero, await store.KeepAliveAsync(lease, Cancel));
    }

    [Fact]
    public async Task Keep_alive_answers_the_time_to_live()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(NewOptions());
        (long lease, _) = await store.GrantAsync(TimeSpan.FromSeconds(86400), Cancel);
        Assert.Equal(TimeSpan.FromSeconds(86400), await store.KeepAliveAsync(lease, Cancel));
        Assert.Equal(TimeSpan.Zero, await store.KeepAliveAsync(12345, Cancel));
    }

    [Fact]
    public async Task C19_a_write_under_a_dead_etcd_lease_says_so()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(NewOptions());
        StoreException e = await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("subnets/a", "1"u8.ToArray(), 12345, 0, Cancel));
        Assert.Equal(StoreFault.LeaseNotFound, e.Fault);
    }

    [Fact]
    public async Task C8_a_compacted_start_revision_is_told_apart()
    {
        EtcdOptions options = NewOptions();
        using EtcdLeaseStore store = EtcdFixture.Open(options);
        WriteResult last = default;
        for (int i = 0; i < 3; i++)
            last = await store.PutAsync("subnets/a", Encoding.UTF8.GetBytes($"{i}"), 0, last.Revision, Cancel);
        await etcd.Server.CtlAsync(Cancel, "compact", $"{last.Revision}");
        StoreException e = await Assert.ThrowsAsync<StoreException>(async () =>
        {
            await foreach (StoreChanges changes in store.WatchAsync(StorePaths.Subnets, last.Revision - 1, Cancel))
                Assert.Empty(changes.Records);
        });
        Assert.Equal(StoreFault.Compacted, e.Fault);
    }

    [Fact]
    public async Task C13_a_start_revision_of_the_future_is_told_apart_instead_of_awaited()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(NewOptions());
        StoreException e = await Assert.ThrowsAsync<StoreException>(async () =>
        {
            await foreach (StoreChanges changes in store.WatchAsync(StorePaths.Subnets, 1_000_000, Cancel))
                Assert.Empty(changes.Records);
        });
        Assert.Equal(StoreFault.Rewound, e.Fault);
    }

    [Fact]
    public async Task Cancelling_one_watch_leaves_the_others_and_later_ones_alive()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(NewOptions());
        long next = (await store.ReadAsync(StorePaths.Subnets, Cancel)).Revision + 1;
        using var first = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        await using IAsyncEnumerator<StoreChanges> doomed = store.WatchAsync(StorePaths.Subnets, next, first.Token).GetAsyncEnumerator(first.Token);
        await using IAsyncEnumerator<StoreChanges> other = store.WatchAsync(StorePaths.Subnets, next, Cancel).GetAsyncEnumerator(Cancel);
        await doomed.MoveNextAsync();
        await other.MoveNextAsync();
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await doomed.MoveNextAsync());

        await store.PutAsync("subnets/a", "1"u8.ToArray(), 0, 0, Cancel);
        await other.MoveNextAsync();
        Assert.Single(other.Current.Records);
        await using IAsyncEnumerator<StoreChanges> later = store.WatchAsync(StorePaths.Subnets, next, Cancel).GetAsyncEnumerator(Cancel);
        await later.MoveNextAsync();
        await later.MoveNextAsync();
        Assert.Single(later.Current.Records);
    }

    [Fact]
    public async Task What_stands_in_etcd_is_byte_for_byte_what_flannel_writes()
    {
        EtcdOptions options = NewOptions();
        using EtcdLeaseStore store = EtcdFixture.Open(options);
        var attributes = new LeaseAttributes
        {
            PublicIP = IPAddress.Parse("192.168.100.1"), BackendType = "vxlan", Vni = 1, VtepMac = "fe:0c:99:5a:37:ec",
        };
        SubnetKey key = SubnetKey.For(IPNetwork.Parse("10.1.26.0/24"));
        await store.PutAsync(StorePaths.Subnet(key), attributes.ToJson(), 0, 0, Cancel);
        string shown = await etcd.Server.CtlAsync(Cancel, "get", "--prefix", options.Prefix);
        Assert.Equal(
            $$$"""
            {{{options.Prefix}}}/subnets/10.1.26.0-24
            {"PublicIP":"192.168.100.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"fe:0c:99:5a:37:ec"}}

            """,
            shown);
    }
}
