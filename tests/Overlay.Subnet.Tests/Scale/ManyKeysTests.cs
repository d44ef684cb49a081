using System.Diagnostics;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Tests.Etcd;
using Overlay.Subnet.Tests.Support;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Scale;

/// <summary>A prefix that somebody has filled with what is none of ours. Runs alone, since it measures memory.</summary>
[CollectionDefinition(nameof(ManyKeysTests), DisableParallelization = true)]
[Collection(nameof(ManyKeysTests))]
public sealed class ManyKeysTests
{
    private const int Junk = 100_000, Leases = 100, PerTransaction = 100;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task C33_100000_foreign_keys_beside_100_leases_are_read_in_pages_and_leave_no_memory_behind()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        await using EtcdServer server = await EtcdServer.StartAsync(Cancel);
        using var writer = new LeaseWriter(server.Options);
        await writer.PutAsync(Enumerable.Range(0, Leases), LeaseClient.AttributesOf);
        await Parallel.ForEachAsync(Enumerable.Range(0, Junk / PerTransaction), Cancel, async (part, _) => await writer.PutJunkAsync(part * PerTransaction, PerTransaction));
        Dictionary<string, long> before = await writer.CountCallsAsync(Cancel);

        using EtcdLeaseStore store = EtcdFixture.Open(server.Options);
        var watcher = new LeaseWatcher(store, Some.Node(0).PublicIP, TimeProvider.System, new ListLogger<LeaseWatcher>());
        using var stop = new CancellationTokenSource();
        long held = GC.GetTotalMemory(forceFullCollection: true), most = held;
        long start = Stopwatch.GetTimestamp();
        Task running = watcher.RunAsync(stop.Token);
        await Eventually.TrueAsync(() =>
        {
            most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: false));
            return watcher.Current.Leases.Count == Leases && watcher.WaitingFor is null;
        }, $"{Leases} leases, and watching");
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        Assert.Equal(10_000, watcher.Current.RejectedKeys); // where counting stops

        long pages = (await writer.CountCallsAsync(Cancel))["Range"] - before.GetValueOrDefault("Range");
        long left = GC.GetTotalMemory(forceFullCollection: true) - held;
        TestContext.Current.TestOutputHelper?.WriteLine($"{pages} pages in {took.TotalSeconds:F1} s; {(most - held) >> 20} MiB at most, {left >> 20} MiB afterwards");
        Assert.InRange(pages, (Junk + Leases) / 6000 + 1, 2 * (Junk + Leases) / 6000);
        Assert.InRange(most - held, 0, 256 << 20); // garbage included: what one reading of it all may make
        Assert.InRange(left, long.MinValue, 16 << 20);

        // What changes among so many is told alone, and not read all over again.
        await writer.PutAsync([Leases], LeaseClient.AttributesOf);
        await Eventually.TrueAsync(() => watcher.Current.Leases.Count == Leases + 1, "one lease more");
        Assert.Equal(pages, (await writer.CountCallsAsync(Cancel))["Range"] - before.GetValueOrDefault("Range"));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }
}
