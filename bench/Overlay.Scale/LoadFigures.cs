using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Agent.Forwarding;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Wire;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Scale;

/// <summary>P1 and P2: a node that finds thousands of peers in etcd when it starts; R8: the same node when etcd dies.</summary>
internal static class LoadFigures
{
    public static async Task RunAsync(Setting setting)
    {
        Report report = setting.Report;
        await using EtcdServer etcd = await setting.StartEtcdAsync();
        using LeaseWriter writer = new(etcd.Options);
        await writer.PutConfigAsync();
        await writer.PutAsync(Enumerable.Range(0, setting.Peers), LeaseClient.AttributesOf);

        (double cold, ForwardingTable all) = await LoadAsync(etcd.Options);
        report.AtMost("P1", $"cold load of {setting.Peers} peers, list to published table (JIT)", cold, "s", 1);
        (double warm, _) = await LoadAsync(etcd.Options);
        report.Note("P1", "the same again, warm", warm * 1e3, "ms");
        MeasureLookUp(report, all);

        Dictionary<string, long> before = await writer.CountCallsAsync(CancellationToken.None);
        using Node node = setting.Node("left");
        node.Start(setting.Agent, etcd.Endpoint);
        double ready = await Setting.UntilAsync(() => node.IsReady && node.Peers == setting.Peers, "the agent is ready", () => node.Log);
        await Task.Delay(1000);
        Dictionary<string, long> after = await writer.CountCallsAsync(CancellationToken.None);
        report.Note("P1", "agent from its start to READY, all peers known", ready, "s");
        report.AtMost("P1", $"agent with {setting.Peers} peers: RSS", node.Rss, "MiB", 64);
        report.Note("P1", "the most it ever used meanwhile", node.PeakRss, "MiB");
        report.AtMost("P2", "etcd calls until READY and watching", after.Sum(call => call.Value - before.GetValueOrDefault(call.Key)), "", 10);

        await etcd.KillAsync();
        await Task.Delay(6000);   // the first, quick retries are over
        (double began, int lines) = (node.Cpu, node.Lines);
        await Task.Delay(TimeSpan.FromSeconds(setting.Seconds));
        report.AtMost("R8", $"CPU of an idle agent with etcd dead, over {setting.Seconds} s", (node.Cpu - began) / setting.Seconds * 100, "%", 1);
        report.AtMost("C1", "lines it logs meanwhile", node.Lines - lines, "", 3 * (1 + (setting.Seconds / 60)));
    }

    private static async Task<(double Seconds, ForwardingTable Table)> LoadAsync(EtcdOptions options)
    {
        using EtcdLeaseStore store = new(options, NullLogger<EtcdLeaseStore>.Instance);
        await store.ReadAsync("config", CancellationToken.None);   // connects: an agent has read the network config before
        LocalNode local = new(new Prefix(10u << 24, 8), new Prefix((10u << 24) | 0xFF_FF00, 24), 0xC0A8_4001, new MacAddress(0x0200_0000_FFFF), new Vni(1), SourceCheck.Strict);
        using Forwarder forwarder = new(local, TimeProvider.System, NullLogger.Instance);
        LeaseWatcher watcher = new(store, System.Net.IPAddress.Parse("192.168.64.1"), TimeProvider.System, NullLogger<LeaseWatcher>.Instance);
        using CancellationTokenSource stop = new();
        long start = Stopwatch.GetTimestamp();
        Task running = watcher.RunAsync(stop.Token);
        forwarder.Update(await watcher.Tables.ReadAsync());
        double took = Stopwatch.GetElapsedTime(start).TotalSeconds;
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return (took, forwarder.Table.Current);
    }

    private static void MeasureLookUp(Report report, ForwardingTable all)
    {
        ForwardingTable few = new(all.Local, all.Remotes[..10].ToArray());
        uint[] addresses = [.. Enumerable.Range(0, 4096).Select(i => few.Remotes[i * 7 % few.Remotes.Length].Subnet.Address + 5)];
        double Nanoseconds(ForwardingTable table)
        {
            long start = Stopwatch.GetTimestamp(), found = 0;
            for (int i = 0; i < 1_000_000; i++) found += table.FindRemote(addresses[i & 4095]);
            if (found < 0) throw new InvalidOperationException("a peer is missing");
            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / 1e6;
        }
        (double ofFew, double ofAll) = (double.MaxValue, double.MaxValue);
        for (int round = 0; round < 100; round++)
        {
            ofFew = Math.Min(ofFew, Nanoseconds(few));   // in turn, so that whatever else runs hits both
            ofAll = Math.Min(ofAll, Nanoseconds(all));
        }
        report.Note("P1", "look-up among 10 peers", ofFew, "ns");
        report.AtMost("P1", $"look-up of 10 flows among {all.Remotes.Length} peers: longer by", Math.Max(0, (ofAll / ofFew) - 1) * 100, "%", 10);
    }
}
