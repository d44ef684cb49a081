using System.Net;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Watching;

namespace Overlay.Subnet.Survey;

/// <summary>
/// Every key below <c>subnets/</c> with the judgement that agents pass on it, seen from no node in particular. Pure; the rules are those
/// of <see cref="Lease.TryRead"/> and <see cref="LeaseTable.Build"/>, and what only shows when all keys lie side by side is added here.
/// </summary>
public static class LeaseSurvey
{
    /// <summary>Judges the keys.</summary>
    /// <param name="subnets">All of <see cref="StorePaths.Subnets"/>.</param>
    /// <param name="config">The network config; null where there is no usable one.</param>
    /// <returns>By subnet; keys that name none come last.</returns>
    public static IReadOnlyList<SurveyedKey> Create(StoreSnapshot subnets, NetworkConfig? config)
    {
        List<Lease> leases = [];
        List<SurveyedKey> unreadable = [];
        Dictionary<string, StoreRecord> records = [];
        foreach (StoreRecord record in subnets.Records)
        {
            if (Lease.TryRead(record, out Lease? lease, out string? reason))
            {
                leases.Add(lease);
                records[lease.Key.Name] = record;
                continue;
            }
            SubnetKey? key = SubnetKey.TryParse(StorePaths.SubnetName(record.Path), out SubnetKey parsed, out _) ? parsed : null;
            unreadable.Add(new SurveyedKey(record, key, null, [key is null ? $"foreign key: {reason}" : $"unusable value: {reason}"]));
        }

        // No lease can carry 0.0.0.0, so nobody is preferred.
        Dictionary<string, string> conflicts = LeaseTable.Build(subnets.Revision, leases, IPAddress.Any).Conflicts
            .ToDictionary(conflict => conflict.Lease.Key.Name, conflict => conflict.Reason);
        ILookup<IPAddress, Lease> byAddress = leases.ToLookup(lease => lease.Attributes.PublicIP);
        return
        [
            .. leases.Select(lease => new SurveyedKey(records[lease.Key.Name], lease.Key, lease, Problems(lease, byAddress, conflicts, config)))
                .Concat(unreadable)
                .OrderBy(key => key.Key is null).ThenBy(key => key.Key is { } subnet ? IPv4.First(subnet.Subnet) : 0)
                .ThenBy(key => key.Record.Path, StringComparer.Ordinal),
        ];
    }

    private static List<string> Problems(
        Lease lease, ILookup<IPAddress, Lease> byAddress, Dictionary<string, string> conflicts, NetworkConfig? config)
    {
        List<string> problems = [];
        if (conflicts.TryGetValue(lease.Key.Name, out string? conflict))
            problems.Add(conflict);
        if (config is not null && SubnetFit.Misfit(config, lease.Subnet) is string misfit)
            problems.Add(misfit);

        foreach (Lease other in byAddress[lease.Attributes.PublicIP].Where(other => other.Key != lease.Key))
        {
            if (OwnKey.IsOtherNode(other.Attributes, lease.Attributes))
                problems.Add($"another node holds {other.Key} under the same PublicIP");
            else if (!lease.IsReservation && !other.IsReservation)
                problems.Add($"its node holds {other.Key} as well");
        }
        return problems;
    }
}
