using Overlay.Subnet.Allocation;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Scale;

/// <summary>What nodes that are gone for good have left in etcd.</summary>
public sealed class OrphanTests
{
    private const int Gone = 5000, AtOnce = 64;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task C31_C33_5000_etcd_leases_without_a_key_and_5000_keys_of_nodes_gone_cost_a_new_node_a_few_calls()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        await using EtcdServer server = await EtcdServer.StartAsync(Cancel);
        using var writer = new LeaseWriter(server.Options);
        await Parallel.ForEachAsync(Enumerable.Range(0, Gone), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = Cancel },
            async (_, _) => await writer.GrantAsync(seconds: 86400)); // killed between grant and create
        await writer.PutAsync(Enumerable.Range(1, Gone), LeaseClient.AttributesOf, await writer.GrantAsync(seconds: 86400));
        Dictionary<string, long> before = await writer.CountCallsAsync(Cancel);

        await using var node = new LeaseClient(server.Options, Gone + 1);
        OwnLease lease = await node.StartAsync(Some.Parse(LeaseWriter.Config), Cancel);
        await Eventually.TrueAsync(() => node.Watcher.Current.Leases.Count == Gone + 1 && node.Watcher.WaitingFor is null, "it sees them all");

        Assert.Single(node.Watcher.Current.Leases.Values, other => other.Subnet == lease.Subnet);
        Assert.Empty(node.Watcher.Current.Conflicts);
        Dictionary<string, long> after = await writer.CountCallsAsync(Cancel);
        string calls = string.Join(", ", after.Where(call => call.Value > before.GetValueOrDefault(call.Key)).Select(call => $"{call.Value - before.GetValueOrDefault(call.Key)} {call.Key}"));
        TestContext.Current.TestOutputHelper?.WriteLine($"P2: etcd calls of its start among {Gone} keys: {calls}");
        Assert.InRange(after.Values.Sum() - before.Values.Sum(), 1, 15); // the figure is 10; a read may be repeated where the write comes between
    }
}
