using System.Net;
using Overlay.Agent.Forwarding;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Wire;
using Overlay.Subnet;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Survey;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Leases;

/// <summary>One key as <c>leases</c> shows it.</summary>
/// <param name="Record">The key in etcd.</param>
/// <param name="Lease">The lease; null where the key is none.</param>
/// <param name="Life">How long it lives yet; null for a reservation, and where that is not known.</param>
/// <param name="Problems">What is wrong with it.</param>
internal sealed record LeaseRow(StoreRecord Record, Lease? Lease, EtcdLeaseLife? Life, IReadOnlyList<string> Problems)
{
    /// <summary>The subnet, or the name of a key that is none.</summary>
    public string Subnet => Lease?.Subnet.ToString() ?? LogText.Escape(StorePaths.SubnetName(Record.Path), 40);

    /// <summary>Time to live in words: <c>23h59m</c>, <c>reserved</c>, or a question mark.</summary>
    public string Ttl => Record.EtcdLeaseId == 0 ? "reserved" : Life is null ? "?" : Words(Life.Remaining);

    /// <summary>Puts the rows together.</summary>
    public static IReadOnlyList<LeaseRow> Create(ClusterView view, LeaseLives lives)
    {
        Dictionary<IPNetwork, string> unreachable = Unreachable(view);
        return [.. view.Keys.Select(key => new LeaseRow(key.Record, key.Lease, lives.ById.GetValueOrDefault(key.Record.EtcdLeaseId), Problems(key)))];

        IReadOnlyList<string> Problems(SurveyedKey key) =>
            key.Problems.Count == 0 && key.Lease is { } lease && unreachable.TryGetValue(lease.Subnet, out string? reason) ? [reason] : key.Problems;
    }

    /// <summary>A time in two units at most: <c>4s</c>, <c>3m05s</c>, <c>23h59m</c>, <c>12d3h</c>.</summary>
    public static string Words(TimeSpan time) => time switch
    {
        { TotalMinutes: < 1 } => $"{time.Seconds}s",
        { TotalHours: < 1 } => $"{time.Minutes}m{time.Seconds:00}s",
        { TotalDays: < 1 } => $"{time.Hours}h{time.Minutes:00}m",
        _ => $"{time.Days}d{time.Hours}h",
    };

    // What an agent would leave out of its forwarding table, told by the same rules: by a node of the config that is none of these.
    private static Dictionary<IPNetwork, string> Unreachable(ClusterView view)
    {
        if (view.Config is not { } config) return [];
        LocalNode nobody = new(Prefix.From(config.Network), new Prefix(0, 32), 0, default, new Vni(config.Backend.Vni), SourceCheck.Strict);
        LeaseTable table = LeaseTable.Build(0, view.Leases.Where(l => !IsPlainReservation(l)), IPAddress.Any);
        return ForwardingProjector.Project(nobody, table, new Dictionary<IPNetwork, uint>()).Skipped
            .ToDictionary(skipped => skipped.Lease.Subnet, skipped => $"not reachable: {skipped.Reason}");
    }

    // One that waits for its node has no backend yet, and that is as it should be.
    private static bool IsPlainReservation(Lease lease) => lease.IsReservation && lease.Attributes.BackendType is null;
}
