using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Agent.Memory;
using Overlay.Agent.State;
using Overlay.Agent.Tests.State;
using Overlay.Subnet.Store;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Agent.Tests.Memory;

public sealed class StartDecisionTests
{
    private static readonly EtcdCache Cache = CacheFileTests.Cache(2);

    private readonly MemoryLeaseStore _store = new(TimeProvider.System);

    [Fact]
    public async Task C2_an_etcd_that_refuses_is_not_waited_for()
    {
        _store.IsDown = true;
        StartDecision start = await DecideAsync(Cache);
        Assert.Same(Cache, start.Cache);
        Assert.Matches("^etcd unreachable since .*, forwarding from cache of 2026-01-02 03:04:05Z$", start.Stale);
    }

    [Fact]
    public async Task C2_C9_an_etcd_that_says_nothing_is_waited_for_half_a_second()
    {
        TaskCompletionSource never = new();
        long start = TimeProvider.System.GetTimestamp();
        StartDecision decision = await DecideAsync(Cache, new SilentStore(never.Task));
        never.SetCanceled(TestContext.Current.CancellationToken);
        Assert.NotNull(decision.Cache);
        Assert.Equal("etcd has not answered within 500 ms", decision.Why);   // which is all that is known of it
        Assert.True(TimeProvider.System.GetElapsedTime(start) >= StartDecision.Patience - TimeSpan.FromMilliseconds(50), "it was waited for");
    }

    [Fact]
    public async Task C23_without_a_config_in_etcd_the_last_good_one_is_used_and_the_reason_told()
    {
        StartDecision start = await DecideAsync(Cache);
        Assert.Same(Cache, start.Cache);
        Assert.StartsWith("there is no network config in etcd, forwarding from cache", start.Stale, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_etcd_says_in_time_is_better_than_any_cache()
    {
        _store.Put(StorePaths.Config, """{"Network":"10.1.0.0/16"}""");
        Assert.Equal(new StartDecision(null, null), await DecideAsync(Cache));
    }

    [Fact]
    public async Task C1_without_a_cache_there_is_nothing_to_decide()
    {
        _store.IsDown = true;
        Assert.Equal(new StartDecision(null, null), await DecideAsync(null));
    }

    private async Task<StartDecision> DecideAsync(EtcdCache? cache, ILeaseStore? store = null)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        NetworkConfigWatcher configs = new(store ?? _store, TimeProvider.System, NullLogger<NetworkConfigWatcher>.Instance);
        LeaseWatcher peers = new(store ?? _store, IPAddress.Parse("192.168.0.1"), TimeProvider.System, NullLogger<LeaseWatcher>.Instance);
        Task running = Task.WhenAll(configs.RunAsync(stop.Token), peers.RunAsync(stop.Token));
        StartDecision decision = await StartDecision.MakeAsync(configs, peers, cache, new TaskCompletionSource().Task, TimeProvider.System, stop.Token);
        if (decision.Stale is null && cache is not null)
        {
            Assert.True(configs.Configs.TryRead(out _), "nothing was taken from the watchers");
            Assert.True(peers.Tables.TryRead(out _), "nothing was taken from the watchers");
        }
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return decision;
    }

    /// <summary>Takes questions and answers none.</summary>
    private sealed class SilentStore(Task end) : ILeaseStore
    {
        public Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken) => NeverAsync<StoreSnapshot>(cancellationToken);

        public IAsyncEnumerable<StoreChanges> WatchAsync(string path, long fromRevision, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<WriteResult> PutAsync(
            string path, ReadOnlyMemory<byte> value, long etcdLeaseId, StoreRecord? expected, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<WriteResult> DeleteAsync(string path, StoreRecord expected, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<(long EtcdLeaseId, TimeSpan Ttl)> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken) => throw new NotSupportedException();

        private async Task<T> NeverAsync<T>(CancellationToken cancellationToken)
        {
            await end.WaitAsync(cancellationToken);
            throw new NotSupportedException();
        }
    }
}
