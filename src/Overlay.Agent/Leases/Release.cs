using System.Net;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Configuration;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Store;
using Overlay.Subnet.Survey;

namespace Overlay.Agent.Leases;

/// <summary>
/// <c>leases release SUBNET</c>: frees the subnet of a node that is gone, or a reservation. The etcd lease is left to run out: a node
/// that is not gone after all may attach its key to it again at any moment, and revoking would delete that key unseen.
/// </summary>
/// <param name="Etcd">Where.</param>
/// <param name="Subnet">The subnet.</param>
/// <param name="Yes">Leave was given on the command line.</param>
/// <param name="DryRun">Only say what would be done.</param>
internal sealed record Release(EtcdSettings Etcd, IPNetwork Subnet, bool Yes, bool DryRun)
{
    /// <summary>Frees it.</summary>
    public Task<int> RunAsync(VerbConsole console, CancellationToken stop) => EtcdSession.RunAsync(Etcd, console, async store =>
    {
        ClusterView view = await ClusterView.ReadAsync(store, stop).ConfigureAwait(false);
        SurveyedKey[] keys = [.. view.Keys.Where(k => k.Key?.Subnet == Subnet)];
        if (keys.Length == 0)
        {
            console.Complain($"nobody holds {Subnet}: there is no such key in etcd; overlay-agent leases names those there are");
            return 1;
        }
        LeaseLives lives = await LeaseLives.ReadAsync(store, keys.Select(k => k.Record.EtcdLeaseId), stop).ConfigureAwait(false);
        foreach (SurveyedKey key in keys) console.Error.WriteLine(Describe(key, lives.ById.GetValueOrDefault(key.Record.EtcdLeaseId)));
        if (DryRun)
        {
            console.Out.WriteLine($"would release {Subnet}");
            return 0;
        }
        if (!await console.MayAsync($"release {Subnet}", Yes, stop).ConfigureAwait(false)) return 1;
        return await DeleteAsync(store, keys, console, stop).ConfigureAwait(false) ? 0 : 1;
    }, stop);

    private async Task<bool> DeleteAsync(EtcdLeaseStore store, SurveyedKey[] keys, VerbConsole console, CancellationToken stop)
    {
        foreach (SurveyedKey key in keys)
        {
            WriteResult result = await store.DeleteAsync(key.Record.Path, key.Record, stop).ConfigureAwait(false);
            if (result.Succeeded) continue;
            console.Complain($"{key.Key} was written by somebody just now and was left alone; is its node alive? Look with overlay-agent leases");
            return false;
        }
        console.Out.WriteLine($"released {Subnet}");
        return true;
    }

    private static string Describe(SurveyedKey key, EtcdLeaseLife? life)
    {
        string owner = key.Lease is { } lease
            ? $"{lease.Attributes.PublicIP} ({(lease.Attributes.NodeId is null ? "flannel, or a reservation not taken yet" : $"node {LeaseListing.ShortId(lease.Attributes)}")})"
            : "nobody that can be named";
        string kind = (key.Record.EtcdLeaseId, life) switch
        {
            (0, _) => "a reservation, which never expires",
            (_, null) => "a lease",
            _ => $"a lease that was renewed {LeaseRow.Words(life.SinceRenewal)} ago and expires in {LeaseRow.Words(life.Remaining)}; an agent that still runs there takes it back",
        };
        return $"{key.Key} belongs to {owner}: {kind}";
    }
}
