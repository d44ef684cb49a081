using System.Net;
using Overlay.Subnet.Model;

namespace Overlay.Subnet.Watching;

/// <summary>
/// Every usable lease at one revision, ours included, no two of them overlapping. Immutable; a reader needs nothing but the newest one.
/// </summary>
public sealed class LeaseTable
{
    private LeaseTable(long revision, Dictionary<IPNetwork, Lease> leases, IReadOnlyList<LeaseConflict> conflicts, int rejectedKeys, int rejectedValues)
    {
        Revision = revision;
        Leases = leases;
        Conflicts = conflicts;
        RejectedKeys = rejectedKeys;
        RejectedValues = rejectedValues;
    }

    /// <summary>A table before the first snapshot.</summary>
    public static LeaseTable Empty { get; } = new(0, [], [], 0, 0);

    /// <summary>The store revision this table stands at.</summary>
    public long Revision { get; }

    /// <summary>The leases by subnet.</summary>
    public IReadOnlyDictionary<IPNetwork, Lease> Leases { get; }

    /// <summary>Readable leases that were left out because they clash with one of <see cref="Leases"/>.</summary>
    public IReadOnlyList<LeaseConflict> Conflicts { get; }

    /// <summary>Keys below <c>subnets/</c> whose name is not a subnet; stops counting at 10,000.</summary>
    public int RejectedKeys { get; }

    /// <summary>Keys whose value is unreadable; where an earlier good value was seen it still counts as a lease.</summary>
    public int RejectedValues { get; }

    /// <summary>
    /// Builds a table. Where two leases overlap or two nodes claim one VTEP MAC, ours wins, then the one created first.
    /// </summary>
    /// <param name="revision">The store revision.</param>
    /// <param name="leases">The readable leases, in any order.</param>
    /// <param name="ownPublicIP">This node's address; leases that carry it are ours.</param>
    /// <param name="rejectedKeys">For <see cref="RejectedKeys"/>.</param>
    /// <param name="rejectedValues">For <see cref="RejectedValues"/>.</param>
    /// <param name="retained">Leases to add where nothing else claims their subnet.</param>
    public static LeaseTable Build(
        long revision, IEnumerable<Lease> leases, IPAddress ownPublicIP, int rejectedKeys = 0, int rejectedValues = 0, IEnumerable<Lease>? retained = null)
    {
        var claims = new LeaseClaims();
        var conflicts = new List<LeaseConflict>();
        bool IsOwn(Lease lease) => lease.Attributes.PublicIP.Equals(ownPublicIP);
        foreach (Lease lease in leases.OrderByDescending(IsOwn).ThenBy(lease => lease.CreateRevision).ThenBy(lease => lease.Key.Name, StringComparer.Ordinal))
        {
            string? reason = IPAddress.IsLoopback(lease.Attributes.PublicIP) && !IPAddress.IsLoopback(ownPublicIP)
                ? "its PublicIP is a loopback address" : claims.Add(lease);
            if (reason is not null)
                conflicts.Add(new LeaseConflict(lease, reason));
        }
        foreach (Lease lease in retained ?? [])
            claims.Add(lease);
        return new LeaseTable(revision, claims.Granted.ToDictionary(lease => lease.Subnet), conflicts, rejectedKeys, rejectedValues);
    }

    /// <summary>What changed from <paramref name="older"/> to this table, in no particular order.</summary>
    public IEnumerable<LeaseEvent> ChangesSince(LeaseTable older)
    {
        foreach (Lease before in older.Leases.Values)
        {
            if (!Leases.ContainsKey(before.Subnet))
                yield return new LeaseEvent(before, null);
        }
        foreach (Lease after in Leases.Values)
        {
            Lease? before = older.Leases.GetValueOrDefault(after.Subnet);
            if (before is null || before.Attributes != after.Attributes)
                yield return new LeaseEvent(before, after);
        }
    }
}
