using System.Net;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Allocation;

/// <summary>A lease that stands under our PublicIP, and its key as it was read.</summary>
internal sealed record StandingLease(Lease Lease, StoreRecord Record)
{
    /// <summary>All that are ours, or a flannel's that ran on this node.</summary>
    /// <exception cref="DuplicatePublicIpException">Another node was first to claim the address.</exception>
    public static List<StandingLease> FindOurs(StoreSnapshot snapshot, LeaseAttributes wanted)
    {
        var ours = new List<StandingLease>();
        foreach (StoreRecord record in snapshot.Records)
        {
            if (Lease.TryRead(record, out Lease? lease, out _) && !OwnKey.IsForeign(lease.Attributes, wanted))
                ours.Add(new StandingLease(lease, record));
        }
        // Of two nodes with one address the first stays, after a restart, too.
        long claimed = ours.Where(standing => standing.Lease.Attributes.NodeId is not null).Select(standing => standing.Lease.ModRevision).DefaultIfEmpty(long.MaxValue).Min();
        return RivalClaims.Namesake(snapshot, wanted, claimed) is Lease namesake ? throw new DuplicatePublicIpException(wanted, namesake) : ours;
    }

    /// <summary>
    /// The best of them that the network leases and that overlaps no older lease of another: a reservation, then a subnet of before, the best hint
    /// first, then the oldest. Null for none.
    /// </summary>
    public static StandingLease? Choose(List<StandingLease> ours, StoreSnapshot snapshot, NetworkConfig config, LeaseAttributes wanted, IReadOnlyList<IPNetwork> previous)
    {
        List<IPNetwork> hints = [.. previous];
        int Rank(Lease lease) => hints.IndexOf(lease.Subnet) is int index and >= 0 ? index : int.MaxValue;
        bool IsGood(Lease lease) => config.Fits(lease.Subnet) && RivalClaims.Overlapping(snapshot, lease.Key, wanted, lease.CreateRevision) is null;
        return ours.Where(standing => IsGood(standing.Lease)).OrderByDescending(standing => standing.Lease.IsReservation)
            .ThenBy(standing => Rank(standing.Lease)).ThenBy(standing => standing.Lease.CreateRevision).FirstOrDefault();
    }
}
