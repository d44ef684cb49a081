using Overlay.Testing.Etcd;

namespace Overlay.Scale;

/// <summary>P6: all peers come and go, again and again; does the agent grow?</summary>
internal static class ChurnFigures
{
    public static async Task RunAsync(Setting setting)
    {
        await using EtcdServer etcd = await setting.StartEtcdAsync();
        using LeaseWriter writer = new(etcd.Options);
        await writer.PutConfigAsync();
        using Node node = setting.Node("left");
        node.Start(setting.Agent, etcd.Endpoint);
        await Setting.UntilAsync(() => node.IsReady, "the agent is ready", () => node.Log);
        List<double> rss = [];
        for (int cycle = 0; cycle < setting.Cycles; cycle++)
        {
            await writer.PutAsync(Enumerable.Range(0, setting.Peers), LeaseClient.AttributesOf);
            await Setting.UntilAsync(() => node.Peers == setting.Peers, "all are there", () => node.Status);
            rss.Add(node.Rss);
            await writer.PutAsync(Enumerable.Range(0, setting.Peers), _ => null);
            await Setting.UntilAsync(() => node.Peers == 0, "all are gone", () => node.Status);
            if (cycle % 50 == 49) await CompactAsync(etcd);   // or the history fills etcd's quota
        }
        setting.Report.Note("P6", $"{setting.Cycles} times {setting.Peers} peers come and go: RSS at the end", rss[^1], "MiB");
        setting.Report.AtMost("P6", "slope of RSS over the last half, a cycle", Trend.OfLastHalf(rss) * 100, "%", 0.01);
    }

    private static async Task CompactAsync(EtcdServer etcd)
    {
        string status = await etcd.CtlAsync(CancellationToken.None, "get", "x", "-w", "fields");
        string revision = status.Split('\n').First(line => line.Contains("Revision", StringComparison.Ordinal)).Split(':')[1].Trim();
        await etcd.CtlAsync(CancellationToken.None, "compact", revision);
    }
}
