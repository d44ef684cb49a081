using System.Diagnostics;
using Overlay.Testing.Etcd;

namespace Overlay.Scale;

/// <summary>P5 and L10: two nodes exchange packets while peers come and go, for as long as asked; does anything of an agent grow?</summary>
internal static class SoakFigures
{
    private const int ComeAndGo = 500;
    private static readonly TimeSpan SampleEvery = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(Setting setting)
    {
        Report report = setting.Report;
        await using EtcdServer etcd = await setting.StartEtcdAsync();
        using LeaseWriter writer = new(etcd.Options);
        await writer.PutConfigAsync();
        await writer.PutAsync(Enumerable.Range(0, setting.Peers), LeaseClient.AttributesOf);
        using Node left = setting.Node("left"), right = setting.Node("right");
        left.Start(setting.Agent, etcd.Endpoint);
        right.Start(setting.Agent, etcd.Endpoint);
        await Setting.UntilAsync(() => left.Peers == setting.Peers + 1 && right.Peers == setting.Peers + 1, "both know all", () => left.Log + right.Log);
        await FloodFigures.FlowAsync(setting with { Seconds = 3 }, left, right); // what is made at the first packet is no growth

        int descriptors = left.Descriptors, threads = left.Threads;
        using CancellationTokenSource stop = new();
        Task churn = ChurnAsync(writer, setting.Peers, stop.Token);
        Task<(double LossPercent, double SilenceMs)> flow = FloodFigures.FlowAsync(setting, left, right);
        List<double> rss = [];
        long start = Stopwatch.GetTimestamp();
        while (!flow.IsCompleted)
        {
            rss.Add(left.Rss);
            await Task.Delay(SampleEvery);
        }
        double hours = Stopwatch.GetElapsedTime(start).TotalHours, slope = Trend.OfLastHalf(rss) * rss.Count / hours * 100;
        (double loss, double silence) = await flow;
        await stop.CancelAsync();
        await churn;
        await Setting.UntilAsync(() => left.Peers == setting.Peers + 1, "all are there again", () => left.Status);

        report.Note("P5", $"loss in {setting.Seconds} s while {ComeAndGo} of {setting.Peers} peers come and go", loss, "%");
        report.Note("P5", "longest silence then", silence, "ms");
        report.Note("P5", "RSS of an agent: first sample", rss[0], "MiB");
        report.Note("P5", "RSS of an agent: last sample", rss[^1], "MiB");
        // Of some minutes, one garbage collection more or less is the slope.
        if (hours >= 1) report.AtMost("P5", "slope of RSS over the last half, an hour", slope, "%", 0.1);
        else report.Note("P5", "slope of RSS over the last half, an hour (the target is for hours)", slope, "%");
        report.AtMost("P5", "descriptors more than before", left.Descriptors - descriptors, "", 0);
        report.AtMost("P5", "threads more than before, beside the pool's", Math.Max(0, left.Threads - threads - Environment.ProcessorCount), "", 0);
        report.Note("L10", "threads before", threads, "");
        report.Note("L10", "threads after", left.Threads, "");
    }

    private static async Task ChurnAsync(LeaseWriter writer, int peers, CancellationToken stop)
    {
        int some = Math.Min(ComeAndGo, peers);
        while (!stop.IsCancellationRequested)
        {
            await writer.PutAsync(Enumerable.Range(0, some), _ => null);
            await Task.Delay(500, CancellationToken.None);
            await writer.PutAsync(Enumerable.Range(0, some), LeaseClient.AttributesOf);
            await Task.Delay(500, CancellationToken.None);
        }
    }
}
