using System.Text;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Store;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>What every store does, the real one and the one in memory that the other tests rely on.</summary>
public abstract class LeaseStoreContract
{
    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected abstract ILeaseStore Open();

    protected abstract Task CompactAsync(long revision);

    [Fact]
    public async Task Create_update_and_delete_each_compare_the_revision()
    {
        ILeaseStore store = Open();
        byte[] one = "1"u8.ToArray(), two = "2"u8.ToArray();
        WriteResult created = await store.PutAsync("subnets/a", one, 0, null, Cancel);
        Assert.True(created.Succeeded);

        WriteResult again = await store.PutAsync("subnets/a", two, 0, null, Cancel);
        Assert.False(again.Succeeded);
        Assert.Equal("1", Encoding.UTF8.GetString(again.Current!.Value.Span));
        Assert.Equal(created.Revision, again.Current.ModRevision);

        WriteResult updated = await store.PutAsync("subnets/a", two, 0, again.Current, Cancel);
        Assert.True(updated.Succeeded);
        Assert.False((await store.DeleteAsync("subnets/a", again.Current, Cancel)).Succeeded);
        StoreRecord standing = Assert.Single((await store.ReadAsync("subnets/a", Cancel)).Records);
        Assert.True((await store.DeleteAsync("subnets/a", standing, Cancel)).Succeeded);
        Assert.True((await store.DeleteAsync("subnets/a", standing, Cancel)).Succeeded); // gone already
    }

    // In a store that was set back another write may stand at the revision of ours.
    [Fact]
    public async Task C13_a_key_at_the_revision_last_seen_that_says_something_else_is_neither_written_nor_deleted()
    {
        ILeaseStore store = Open();
        await store.PutAsync("subnets/a", "theirs"u8.ToArray(), 0, null, Cancel);
        StoreRecord standing = Assert.Single((await store.ReadAsync("subnets/a", Cancel)).Records);
        StoreRecord seen = standing with { Value = "ours"u8.ToArray() };
        WriteResult refused = await store.PutAsync("subnets/a", "ours too"u8.ToArray(), 0, seen, Cancel);
        Assert.False(refused.Succeeded);
        Assert.Equal(standing.ModRevision, refused.Current!.ModRevision);
        Assert.False((await store.DeleteAsync("subnets/a", seen, Cancel)).Succeeded);
        Assert.True((await store.DeleteAsync("subnets/a", standing, Cancel)).Succeeded);
    }

    [Fact]
    public async Task C32_a_write_that_had_succeeded_without_our_knowing_succeeds_when_repeated()
    {
        ILeaseStore store = Open();
        (long lease, _) = await store.GrantAsync(TimeSpan.FromMinutes(5), Cancel);
        WriteResult first = await store.PutAsync("subnets/a", "1"u8.ToArray(), lease, null, Cancel);
        WriteResult repeated = await store.PutAsync("subnets/a", "1"u8.ToArray(), lease, null, Cancel);
        Assert.True(repeated.Succeeded);
        Assert.Equal(first.Revision, repeated.Revision);
        Assert.False((await store.PutAsync("subnets/a", "1"u8.ToArray(), 0, null, Cancel)).Succeeded); // the same value of another etcd lease is not ours
    }

    [Fact]
    public async Task Watch_opens_with_an_empty_batch_and_then_reports_writes_deletes_and_expiry()
    {
        ILeaseStore store = Open();
        StoreSnapshot before = await store.ReadAsync(StorePaths.Subnets, Cancel);
        await using IAsyncEnumerator<StoreChanges> watch = store.WatchAsync(StorePaths.Subnets, before.Revision + 1, Cancel).GetAsyncEnumerator(Cancel);
        Assert.True(await watch.MoveNextAsync());
        Assert.Empty(watch.Current.Records);

        (long lease, TimeSpan ttl) = await store.GrantAsync(TimeSpan.FromSeconds(2), Cancel);
        Assert.True(ttl >= TimeSpan.FromSeconds(2));
        WriteResult put = await store.PutAsync("subnets/a", "1"u8.ToArray(), lease, null, Cancel);
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
        ILeaseStore store = Open();
        (long lease, _) = await store.GrantAsync(TimeSpan.FromSeconds(86400), Cancel);
        Assert.Equal(TimeSpan.FromSeconds(86400), await store.KeepAliveAsync(lease, Cancel));
        Assert.Equal(TimeSpan.Zero, await store.KeepAliveAsync(12345, Cancel));
    }

    [Fact]
    public async Task C19_a_write_under_a_dead_etcd_lease_says_so()
    {
        ILeaseStore store = Open();
        StoreException e = await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("subnets/a", "1"u8.ToArray(), 12345, null, Cancel));
        Assert.Equal(StoreFault.LeaseNotFound, e.Fault);
    }

    [Fact]
    public async Task C8_a_compacted_start_revision_is_told_apart()
    {
        ILeaseStore store = Open();
        WriteResult last = default;
        for (int i = 0; i < 3; i++)
        {
            StoreSnapshot before = await store.ReadAsync("subnets/a", Cancel);
            last = await store.PutAsync("subnets/a", Encoding.UTF8.GetBytes($"{i}"), 0, before.Records.Count > 0 ? before.Records[0] : null, Cancel);
        }
        await CompactAsync(last.Revision);
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
        ILeaseStore store = Open();
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
        ILeaseStore store = Open();
        long next = (await store.ReadAsync(StorePaths.Subnets, Cancel)).Revision + 1;
        using var first = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        await using IAsyncEnumerator<StoreChanges> doomed = store.WatchAsync(StorePaths.Subnets, next, first.Token).GetAsyncEnumerator(first.Token);
        await using IAsyncEnumerator<StoreChanges> other = store.WatchAsync(StorePaths.Subnets, next, Cancel).GetAsyncEnumerator(Cancel);
        await doomed.MoveNextAsync();
        await other.MoveNextAsync();
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await doomed.MoveNextAsync());

        await store.PutAsync("subnets/a", "1"u8.ToArray(), 0, null, Cancel);
        await other.MoveNextAsync();
        Assert.Single(other.Current.Records);
        await using IAsyncEnumerator<StoreChanges> later = store.WatchAsync(StorePaths.Subnets, next, Cancel).GetAsyncEnumerator(Cancel);
        await later.MoveNextAsync();
        await later.MoveNextAsync();
        Assert.Single(later.Current.Records);
    }
}

public sealed class EtcdStoreContract(EtcdFixture etcd) : LeaseStoreContract, IDisposable
{
    private EtcdLeaseStore? _store;

    public void Dispose() => _store?.Dispose();

    protected override ILeaseStore Open()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        return _store = EtcdFixture.Open(etcd.NewOptions());
    }

    protected override Task CompactAsync(long revision) => etcd.Server.CtlAsync(Cancel, "compact", $"{revision}");
}

public sealed class MemoryStoreContract : LeaseStoreContract
{
    private readonly MemoryLeaseStore _store = new(TimeProvider.System);

    protected override ILeaseStore Open() => _store;

    protected override Task CompactAsync(long revision)
    {
        _store.Compact();
        return Task.CompletedTask;
    }
}
