using System.Diagnostics;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Scale;

/// <summary>P4, L5 and L2: two nodes exchange packets while all leases of the others change all the time, and then go all at once.</summary>
internal static class FloodFigures
{
    private const int EventsPerSecond = 10_000;
    private const int Pps = 10_000;
    private const int Port = 9000;

    public static async Task RunAsync(Setting setting)
    {
        Report report = setting.Report;
        await using EtcdServer etcd = await setting.StartEtcdAsync();
        using LeaseWriter writer = new(etcd.Options);
        await writer.PutConfigAsync();
        long doomed = await writer.GrantAsync(3600);
        await writer.PutAsync(Enumerable.Range(0, setting.Peers), LeaseClient.AttributesOf, doomed);
        using Node left = setting.Node("left"), right = setting.Node("right");
        left.Start(setting.Agent, etcd.Endpoint);
        right.Start(setting.Agent, etcd.Endpoint);
        await Setting.UntilAsync(() => left.Peers == setting.Peers + 1 && right.Peers == setting.Peers + 1, "both know all", () => left.Log + right.Log);
        await using LeaseClient witness = new(etcd.Options, 65_000);
        witness.Watch();

        (double quietLoss, double quietSilence) = await FlowAsync(setting, left, right);
        report.Note("P4", $"loss of {Pps} packets a second for {setting.Seconds} s, leases at rest", quietLoss, "%");
        report.Note("P4", "longest silence then", quietSilence, "ms");

        double rss = Math.Max(left.Rss, right.Rss), cpu = left.Cpu;
        using CancellationTokenSource stop = new();
        Task<(long Events, double Seconds)> flood = FloodAsync(writer, setting.Peers, doomed, stop.Token);
        await Task.Delay(500);
        (double loss, double silence) = await FlowAsync(setting, left, right);
        double used = left.Cpu - cpu;
        await stop.CancelAsync();
        (long events, double seconds) = await flood;
        report.Note("P4", "lease events a second that etcd took from the flood", events / seconds, "1/s");
        report.AtMost("P4", "extra loss while they come", Math.Max(0, loss - quietLoss), "%", 0.1);
        report.Note("P4", "longest silence then", silence, "ms");
        report.Note("P4", "CPU of the sending agent, packets and leases", used / seconds * 100, "%");
        report.AtMost("P4", "memory of an agent, most during the flood over that before", Math.Max(left.PeakRss, right.PeakRss) - rss, "MiB", 16);

        using EtcdLeaseStore store = new(etcd.Options, NullLogger<EtcdLeaseStore>.Instance);
        StoreSnapshot stored = await store.ReadAsync(StorePaths.Subnets, CancellationToken.None);
        double lag = await Setting.UntilAsync(() => witness.Watcher.Current.Revision >= stored.Revision, "the last event is in the table");
        LeaseTable expected = LeaseTable.Build(
            0, stored.Records.Select(record => Lease.TryRead(record, out Lease? lease, out _) ? lease : null).OfType<Lease>(), IPAddress.Parse("192.0.2.1"));
        report.Note("P4", "until the last event is in the table of a third node", lag * 1e3, "ms");
        report.Exactly("P4", "entries of its table that are not what etcd holds", expected.ChangesSince(witness.Watcher.Current).Count(), 0);
        await Setting.UntilAsync(() => left.Peers == right.Peers && left.Peers == expected.Leases.Count - 1, "the agents know all", () => left.Status);
        report.Exactly("P4", "peers an agent has then", left.Peers, expected.Leases.Count - 1);
        report.AtMost("L8", "lines an agent has logged so far", left.Lines, "", 40 + (setting.Seconds / 5));

        await writer.RevokeAsync(doomed);
        report.Note("L2", $"{setting.Peers} leases gone at once: until an agent has dropped them all",
            await Setting.UntilAsync(() => left.Peers == 1 && right.Peers == 1, "all gone", () => left.Status) * 1e3, "ms");
        await Task.Delay(2000);
        report.Note("L10", "RSS of an agent at the end", left.Rss, "MiB");
    }

    // Keys change, go and come back; one changes all the time.
    private static async Task<(long Events, double Seconds)> FloodAsync(LeaseWriter writer, int peers, long lease, CancellationToken stop)
    {
        long start = Stopwatch.GetTimestamp(), events = 0;
        for (int round = 1; !stop.IsCancellationRequested; round++)
        {
            for (int first = 0; first + 100 <= peers && !stop.IsCancellationRequested; first += 100)
            {
                int shift = round;
                bool gone = round % 3 == 0 && first < peers / 4;
                await writer.PutAsync(Enumerable.Range(first, 99).Append(peers), node => gone ? null : LeaseClient.AttributesOf(node == peers ? peers + (shift & 1) : (node + shift) % peers), lease);
                events += 100;
                TimeSpan ahead = TimeSpan.FromSeconds((double)events / EventsPerSecond) - Stopwatch.GetElapsedTime(start);
                if (ahead > TimeSpan.FromMilliseconds(1)) await Task.Delay(ahead, CancellationToken.None);
            }
        }
        double took = Stopwatch.GetElapsedTime(start).TotalSeconds;
        await writer.PutAsync(Enumerable.Range(0, peers), LeaseClient.AttributesOf, lease);
        await writer.PutAsync([peers], _ => null);
        return (events, took);
    }

    /// <summary>Sends packets from one node to the other for the time that is set.</summary>
    public static async Task<(double LossPercent, double SilenceMs)> FlowAsync(Setting setting, Node left, Node right)
    {
        string seconds = setting.Seconds.ToString(CultureInfo.InvariantCulture);
        Task<string> sink = right.RunAsync(setting.Load, "udp-sink", "--listen", $"{right.Address}:{Port}", "--seconds", $"{setting.Seconds + 2}");
        await Task.Delay(500);
        Dictionary<string, double> sent = Parse(await left.RunAsync(
            setting.Load, "udp-blast", "--from", $"{left.Address}", "--to", $"{right.Address}:{Port}", "--pps", $"{Pps}", "--seconds", seconds, "--size", "200"));
        Dictionary<string, double> received = Parse(await sink);
        return ((1 - (received["received"] / sent["sent"])) * 100, received["silence_ms"]);
    }

    private static Dictionary<string, double> Parse(string line) => line.Trim().Split('\t').Select(pair => pair.Split('='))
        .ToDictionary(pair => pair[0], pair => double.Parse(pair[1], CultureInfo.InvariantCulture));
}
