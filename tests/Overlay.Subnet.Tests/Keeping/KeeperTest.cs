using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Keeping;

/// <summary>A keeper that holds a lease in a store in memory, and a clock that stands still unless it is moved.</summary>
public abstract class KeeperTest : IAsyncLifetime
{
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    protected KeeperTest()
    {
        Store = new MemoryLeaseStore(Time);
        Acquirer = new LeaseAcquirer(Store, new LeaseTiming(), Time, new ListLogger<LeaseAcquirer>(), new Random(1));
    }

    protected FakeTimeProvider Time { get; } = new();

    protected LeaseAcquirer Acquirer { get; }

    /// <summary>The keeper's own task.</summary>
    protected Task Keeping { get; private set; } = Task.CompletedTask;

    private protected ListLogger<LeaseKeeper> Log { get; } = new();

    protected ConcurrentQueue<LeaseHappening> Happened { get; } = new();

    protected MemoryLeaseStore Store { get; }

    protected LeaseKeeper Keeper { get; private set; } = null!;

    /// <summary>What the keeper began with.</summary>
    protected OwnLease Acquired { get; private set; } = null!;

    protected string OwnPath => Some.Path(Acquired.Key.Name);

    public async ValueTask InitializeAsync() => await StartAsync(Some.Node(1, "n1"));

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.False(_running.Exception?.InnerExceptions.Any(e => e is not DuplicatePublicIpException) == true, $"{_running.Exception}");
        _stop.Dispose();
    }

    /// <summary>Ends the keeper as the agent's end does.</summary>
    protected async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
    }

    private async Task StartAsync(LeaseAttributes wanted)
    {
        Acquired = await Acquirer.AcquireAsync(Some.Config, wanted, [], TestContext.Current.CancellationToken);
        Run(remaining: null);
        await Eventually.TrueAsync(() => Store.WatchCount > 0 && (Acquired.IsReservation || Count<LeaseHappening.Renewed>() == 1), "started");
    }

    private void Run(TimeSpan? remaining)
    {
        Keeper = new LeaseKeeper(Store, Acquirer, Some.Config, Acquired, new LeaseTiming(), Time, Log, remaining: remaining);
        Keeping = Keeper.RunAsync(_stop.Token);
        _running = Task.WhenAll(Keeping, Task.Run(async () =>
        {
            await foreach (LeaseHappening happening in Keeper.Happenings.ReadAllAsync(_stop.Token))
                Happened.Enqueue(happening);
        }));
    }

    protected int Count<T>() => Happened.OfType<T>().Count();

    protected Task HappensAsync<T>(int count = 1) => Eventually.TrueAsync(() => Count<T>() >= count, $"{count} {typeof(T).Name}", Time);

    protected async Task PassAsync(TimeSpan duration, TimeSpan step)
    {
        DateTimeOffset end = Time.GetUtcNow() + duration;
        await Eventually.TrueAsync(() => Time.GetUtcNow() >= end, "time passes", Time, step);
    }

    /// <summary>Starts with a lease that etcd has just confirmed, and etcd is wiped before the keeper looks for the first time.</summary>
    protected async Task RestartWipedAsync()
    {
        await StopAsync();
        _stop = new CancellationTokenSource();
        Acquired = Keeper.Lease;
        Store.Wipe(newCluster: true);
        Run(remaining: null);
    }

    /// <summary>Starts as the agent does without etcd: with the lease as an earlier run remembered it, and no revision.</summary>
    protected async Task RestartAsync(TimeSpan remaining)
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop = new CancellationTokenSource();
        Happened.Clear();
        Acquired = Keeper.Lease with { ModRevision = 0 };
        Run(remaining);
    }
}
