using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Survey;

namespace Overlay.Agent.Leases;

/// <summary>What etcd holds of an overlay network, read once.</summary>
/// <param name="ConfigRecord">The config's key; null when there is none.</param>
/// <param name="Config">The config; null when there is no usable one.</param>
/// <param name="ConfigProblem">Why there is none, in words; null when there is one.</param>
/// <param name="Keys">Every key below <c>subnets/</c>, judged.</param>
internal sealed record ClusterView(StoreRecord? ConfigRecord, NetworkConfig? Config, string? ConfigProblem, IReadOnlyList<SurveyedKey> Keys)
{
    /// <summary>The usable leases and reservations.</summary>
    public IEnumerable<Lease> Leases => Keys.Select(k => k.Lease).OfType<Lease>();

    /// <summary>Reads everything.</summary>
    /// <exception cref="StoreException">etcd cannot be asked.</exception>
    public static async Task<ClusterView> ReadAsync(ILeaseStore store, CancellationToken stop)
    {
        StoreSnapshot config = await store.ReadAsync(StorePaths.Config, stop).ConfigureAwait(false);
        StoreSnapshot subnets = await store.ReadAsync(StorePaths.Subnets, stop).ConfigureAwait(false);
        StoreRecord? record = config.Records.Count > 0 ? config.Records[0] : null;
        NetworkConfig? parsed = Parse(record, out string? problem);
        return new ClusterView(record, parsed, problem, LeaseSurvey.Create(subnets, parsed));
    }

    private static NetworkConfig? Parse(StoreRecord? record, out string? problem)
    {
        problem = "there is no network config in etcd; overlay-agent config put writes one";
        return record is null ? null : NetworkConfig.TryParse(record.Value.Span, out problem);
    }
}
