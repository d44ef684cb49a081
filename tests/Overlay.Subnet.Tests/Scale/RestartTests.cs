using System.Diagnostics;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Scale;

/// <summary>A whole fleet at the same moment, on a real etcd.</summary>
public sealed class RestartTests
{
    private const int Nodes = 100;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task L3_100_nodes_that_start_again_together_ask_8_times_each_and_write_nothing()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        await using EtcdServer server = await EtcdServer.StartAsync(Cancel);
        using var writer = new LeaseWriter(server.Options);
        NetworkConfig config = Some.Parse(LeaseWriter.Config);
        Fleet first = await RunAllAsync(server, config);

        Dictionary<string, long> before = await writer.CountCallsAsync(Cancel);
        Fleet second = await RunAllAsync(server, config);
        Dictionary<string, long> calls = (await writer.CountCallsAsync(Cancel)).ToDictionary(call => call.Key, call => call.Value - before.GetValueOrDefault(call.Key));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{Nodes} nodes in {second.Took.TotalSeconds:F1} s: {string.Join(", ", calls.Where(call => call.Value > 0).Select(call => $"{call.Key} {call.Value}"))}");
        Assert.Equal(first.Subnets, second.Subnets);
        Assert.Equal(0, calls.GetValueOrDefault("Txn") + calls.GetValueOrDefault("LeaseGrant"));
        Assert.InRange(calls.Values.Sum(), Nodes, 8 * Nodes); // the network config is two more for each
    }

    private static async Task<Fleet> RunAllAsync(EtcdServer server, NetworkConfig config)
    {
        LeaseClient[] nodes = [.. Enumerable.Range(0, Nodes).Select(i => new LeaseClient(server.Options, i))];
        try
        {
            long start = Stopwatch.GetTimestamp();
            OwnLease[] leases = await Task.WhenAll(nodes.Select(node => node.StartAsync(config, Cancel)));
            await Eventually.TrueAsync(() => nodes.All(node => node.Count<LeaseHappening.Renewed>() > 0
                && node.Watcher.WaitingFor is null && node.Watcher.Current.Leases.Count == Nodes), "all run and see all");
            return new Fleet([.. leases.Select(lease => lease.Key.Name)], Stopwatch.GetElapsedTime(start));
        }
        finally
        {
            await Task.WhenAll(nodes.Select(node => node.DisposeAsync().AsTask()));
        }
    }

    private sealed record Fleet(List<string> Subnets, TimeSpan Took);
}
