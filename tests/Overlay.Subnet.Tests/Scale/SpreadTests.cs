using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Scale;

/// <summary>That a fleet does not do at one moment what all of it has to do.</summary>
public sealed class SpreadTests
{
    private const int Nodes = 60; // of 5,000

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(5000, 5, 29)] // below the half minute for which their peers keep them
    [InlineData(20, 0, 6)]
    public async Task L3_R7_after_a_wipe_the_keys_come_back_over_a_time_that_grows_with_the_fleet(int fleet, int leastSeconds, int mostSeconds)
    {
        var time = new FakeTimeProvider();
        var store = new MemoryLeaseStore(time);
        var random = new Random(1);
        using var stop = new CancellationTokenSource();
        var running = new List<Task>();
        for (int i = 0; i < Nodes; i++)
        {
            var acquirer = new LeaseAcquirer(store, new LeaseTiming(), time, new ListLogger<LeaseAcquirer>(), new Random(random.Next()));
            OwnLease lease = await acquirer.AcquireAsync(Some.Config, Some.Node(i, $"n{i}"), [], Cancel);
            running.Add(new LeaseKeeper(
                store, acquirer, Some.Config, lease, new LeaseTiming(), time, new ListLogger<LeaseKeeper>(), new Random(random.Next()), nodes: () => fleet).RunAsync(stop.Token));
        }
        await Eventually.TrueAsync(() => store.WatchCount == Nodes, "all watch");
        DateTimeOffset lost = time.GetUtcNow();
        store.Wipe(newCluster: true);

        var back = new List<TimeSpan>(); // by when the first, the second and so on
        await Eventually.TrueAsync(() =>
        {
            while (back.Count < store.All(StorePaths.Subnets).Count)
                back.Add(time.GetUtcNow() - lost);
            return back.Count == Nodes;
        }, "all keys are back", time, TimeSpan.FromMilliseconds(50));
        int busiest = back.GroupBy(at => (int)at.TotalSeconds).Max(second => second.Count());
        TestContext.Current.TestOutputHelper?.WriteLine($"back after {back[0].TotalSeconds:F1} to {back[^1].TotalSeconds:F1} s, at most {busiest} in a second");
        Assert.InRange((back[^1] - back[0]).TotalSeconds, leastSeconds, mostSeconds);
        Assert.InRange(back[^1].TotalSeconds, leastSeconds, mostSeconds);
        if (leastSeconds > 0) Assert.InRange(busiest, 1, Nodes / 4);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(running));
    }
}
