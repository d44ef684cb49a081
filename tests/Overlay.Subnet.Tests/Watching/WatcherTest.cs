using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Model;
using Overlay.Subnet.Tests.Support;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Watching;

/// <summary>A watcher that shows two peers of a store in memory, and a clock that stands still unless it is moved.</summary>
public abstract class WatcherTest : IAsyncLifetime
{
    private Task _running = Task.CompletedTask;

    protected WatcherTest()
    {
        Store = new MemoryLeaseStore(Time);
        Watcher = new LeaseWatcher(Store, Some.Node(0).PublicIP, Time, Log);
    }

    protected FakeTimeProvider Time { get; } = new();

    private protected ListLogger<LeaseWatcher> Log { get; } = new();

    protected CancellationTokenSource Stop { get; } = new();

    protected MemoryLeaseStore Store { get; }

    protected LeaseWatcher Watcher { get; }

    public async ValueTask InitializeAsync()
    {
        Put("10.1.1.0-24", 1);
        Put("10.1.2.0-24", 2);
        _running = Watcher.RunAsync(Stop.Token);
        await ShowsAsync("10.1.1.0-24", "10.1.2.0-24");
        await Eventually.TrueAsync(() => Store.WatchCount == 1, "watching");
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.False(_running.IsFaulted, $"{_running.Exception}");
        Stop.Dispose();
    }

    /// <summary>An agent of ours; flannel's have no node id.</summary>
    private protected static LeaseAttributes Agent(int node) => Some.Node(node, $"node-{node}");

    protected void Put(string subnet, int node) => Store.Put(Some.Path(subnet), Some.Json(Agent(node)), 7);

    protected void PutFlannel(string subnet, int node) => Store.Put(Some.Path(subnet), Some.Json(Some.Node(node)), 7);

    protected string Shown() => string.Join(' ', Watcher.Current.Leases.Values.Select(lease => lease.Key.Name).Order(StringComparer.Ordinal));

    protected Task ShowsAsync(params string[] subnets) => ComesTrueAsync(() => Shown() == string.Join(' ', subnets), string.Join(' ', subnets));

    /// <summary>Waits, and lets the clock go on slowly: what comes soon after a table was published is held back for a moment.</summary>
    protected Task ComesTrueAsync(Func<bool> condition, string what) => Eventually.TrueAsync(condition, what, Time, TimeSpan.FromMilliseconds(5));

    protected Lease LeaseAt(string subnet) => Watcher.Current.Leases.Values.Single(lease => lease.Key.Name == subnet);
}
