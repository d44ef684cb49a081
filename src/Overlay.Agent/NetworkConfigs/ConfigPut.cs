using System.Text;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Configuration;
using Overlay.Agent.Leases;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Store;

namespace Overlay.Agent.NetworkConfigs;

/// <summary><c>config put</c>: writes a network config that agents take, once its consequences were shown, and only over the one they were told for.</summary>
/// <param name="Etcd">Where.</param>
/// <param name="Source">A file, or <c>-</c> for standard input.</param>
/// <param name="Yes">Leave was given on the command line.</param>
/// <param name="DryRun">Only show.</param>
internal sealed record ConfigPut(EtcdSettings Etcd, string Source, bool Yes, bool DryRun)
{
    /// <summary>Writes.</summary>
    public async Task<int> RunAsync(VerbConsole console, CancellationToken stop)
    {
        if (!ConfigCheck.TryRead(Source, console, out byte[] text)) return 1;
        ConfigInspection inspection = ConfigInspection.Of(text);
        ConfigCheck.Report(inspection, console);
        if (inspection.Config is null) return 1;

        // What is piped in has used up the standard input, so there is nobody left to answer.
        if (Source == "-") console = console with { HasOperator = false };
        return await EtcdSession.RunAsync(Etcd, console, async store =>
        {
            ClusterView now = await ClusterView.ReadAsync(store, stop).ConfigureAwait(false);
            byte[] value = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text).TrimEnd());
            if (now.ConfigRecord is { } standing && standing.Value.Span.SequenceEqual(value))
            {
                console.Out.WriteLine("etcd holds exactly this config already; nothing to do");
                return 0;
            }
            if (now is { ConfigRecord: not null, ConfigProblem: { } problem }) console.Complain(problem);
            await console.Out.WriteAsync("\n" + ConfigChange.Between(now, inspection.Config).Describe()).ConfigureAwait(false);
            if (DryRun) return 0;
            return await console.MayAsync($"write this config to {Etcd.Prefix}/{StorePaths.Config}", Yes, stop).ConfigureAwait(false)
                && await WriteAsync(store, value, now.ConfigRecord, console, stop).ConfigureAwait(false) ? 0 : 1;
        }, stop).ConfigureAwait(false);
    }

    private static async Task<bool> WriteAsync(EtcdLeaseStore store, byte[] value, StoreRecord? standing, VerbConsole console, CancellationToken stop)
    {
        WriteResult result = await store.PutAsync(StorePaths.Config, value, etcdLeaseId: 0, standing, stop).ConfigureAwait(false);
        if (!result.Succeeded)
        {
            console.Complain("somebody else wrote the config just now; nothing was changed, look again");
            return false;
        }
        StoreSnapshot read = await store.ReadAsync(StorePaths.Config, stop).ConfigureAwait(false);
        if (read.Records.Count != 1 || !read.Records[0].Value.Span.SequenceEqual(value))
        {
            console.Complain($"the config was written at revision {result.Revision}, and somebody has replaced it since");
            return false;
        }
        console.Out.WriteLine($"written at revision {result.Revision}");
        return true;
    }
}
