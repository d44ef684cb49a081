using System.Net;
using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Allocation;

/// <summary>That of two nodes which claim the same, one is left.</summary>
public sealed class NamesakeTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ListLogger<LeaseAcquirer> _log = new();
    private readonly MemoryLeaseStore _store;

    public NamesakeTests()
    {
        _store = new MemoryLeaseStore(_time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private Task<OwnLease> AcquireAsync(string nodeId, int seed, NetworkConfig? config = null, params IPNetwork[] previous) =>
        new LeaseAcquirer(_store, new LeaseTiming(), _time, _log, new Random(seed)).AcquireAsync(config ?? Some.Config, Some.Node(1, nodeId), previous, Cancel);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public async Task C30_C32_of_two_nodes_with_one_PublicIP_that_start_together_exactly_one_refuses(int repliesLost)
    {
        using var bothHaveRead = new Barrier(2);
        int puts = 0;
        _store.Fault = (operation, _) =>
        {
            if (operation == "put" && Interlocked.Increment(ref puts) <= 2)
            {
                Assert.True(bothHaveRead.SignalAndWait(TimeSpan.FromSeconds(30), Cancel), "the other came, too");
                if (puts == 2) _store.LoseReplies(repliesLost);
            }
            return null;
        };
        Task<OwnLease>[] both = [AcquireAsync("a", 1), AcquireAsync("b", 2)];
        await Eventually.TrueAsync(() => both.All(task => task.IsCompleted), "both have ended", _time);
        OwnLease stays = await Assert.Single(both, task => task.IsCompletedSuccessfully);
        DuplicatePublicIpException refusal = await Assert.ThrowsAsync<DuplicatePublicIpException>(() => Assert.Single(both, task => task.IsFaulted));
        Assert.Equal(stays.Key, refusal.Theirs.Key);
        Assert.Equal(Some.Path(stays.Key.Name), Assert.Single(_store.All(StorePaths.Subnets)).Path);
    }

    // Neither key had a node id when the other node looked.
    [Fact]
    public async Task C30_a_key_that_flannel_left_under_an_address_two_nodes_claim_goes_to_one_of_them()
    {
        _store.Put(Some.Path("10.1.26.0-24"), Some.Json(Some.Node(1)), (await _store.GrantAsync(TimeSpan.FromHours(24), Cancel)).EtcdLeaseId);
        bool first = true;
        _store.Fault = (operation, path) =>
        {
            if (operation == "put" && first)
            {
                first = false;
                _store.Put(Some.Path("10.1.30.0-24"), Some.Json(Some.Node(1, "b")), etcdLeaseId: 77); // had looked before flannel's key was there
            }
            return null;
        };
        await Assert.ThrowsAsync<DuplicatePublicIpException>(() => AcquireAsync("a", 1));
    }

    [Fact]
    public async Task C30_the_first_of_two_nodes_with_one_PublicIP_is_not_refused_at_its_next_start()
    {
        OwnLease first = await AcquireAsync("a", 1);
        _store.Put(Some.Path("10.1.250.0-24"), Some.Json(Some.Node(1, "b")), etcdLeaseId: 77); // was cut off before it looked again
        Assert.Equal(first, await AcquireAsync("a", 1));
        await Assert.ThrowsAsync<DuplicatePublicIpException>(() => AcquireAsync("b", 1));
    }

    [Fact]
    public async Task C24_C27_of_two_that_take_overlapping_subnets_at_one_moment_the_later_takes_another()
    {
        NetworkConfig config = Some.Parse("""{"Network":"10.1.0.0/20"}""");
        IPNetwork hint = IPNetwork.Parse("10.1.4.0/24");
        bool first = true;
        _store.Fault = (operation, path) =>
        {
            if (operation == "put" && first)
            {
                first = false;
                _store.Put(Some.Path("10.1.4.0-23"), Some.Json(Some.Node(2, "other")), etcdLeaseId: 77); // by a config with another SubnetLen
            }
            return null;
        };
        Task<OwnLease> acquiring = AcquireAsync("a", 1, config, hint);
        await Eventually.TrueAsync(() => acquiring.IsCompleted, "acquired", _time);
        OwnLease own = await acquiring;
        Assert.False(own.Subnet.Overlaps(IPNetwork.Parse("10.1.4.0/23")));
        Assert.Equal(2, _store.All(StorePaths.Subnets).Count);
    }

    [Fact]
    public async Task C28_whoever_has_waited_long_for_a_subnet_takes_a_freed_one_within_a_second()
    {
        NetworkConfig config = Some.Parse("""{"Network":"10.1.0.0/20"}""");
        for (int i = 1; i < 16; i++)
            _store.Put(Some.Path($"10.1.{i}.0-24"), Some.Json(Some.Node(100 + i)));
        Task<OwnLease> acquiring = AcquireAsync("a", 1, config);
        DateTimeOffset start = _time.GetUtcNow();
        await Eventually.TrueAsync(() => _time.GetUtcNow() - start > TimeSpan.FromMinutes(10), "ten minutes", _time, TimeSpan.FromSeconds(1));
        await Eventually.TrueAsync(() => _store.WatchCount == 1, "waiting for room", _time, TimeSpan.FromSeconds(1));
        DateTimeOffset freed = _time.GetUtcNow();
        _store.Delete(Some.Path("10.1.11.0-24"));
        await Eventually.TrueAsync(() => acquiring.IsCompleted, "acquired", _time, TimeSpan.FromMilliseconds(1));
        Assert.InRange(_time.GetUtcNow() - freed, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }
}
