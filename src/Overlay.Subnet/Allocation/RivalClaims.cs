using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Allocation;

/// <summary>
/// Finds other nodes' claims to what is ours, in everything that stands below <c>subnets/</c>. A compare-and-swap guards one key only: an address
/// under two of them, or two that overlap, is seen by whoever looks after he has written. Both look, and the later one gives way. Pure.
/// </summary>
internal static class RivalClaims
{
    /// <summary>Another node's lease under our PublicIP.</summary>
    /// <param name="all">What stands.</param>
    /// <param name="ours">Who we are.</param>
    /// <param name="before">
    /// The revision at which we have said so ourselves: by a write, since a key that is older may have got its address later. Only what was written
    /// before counts.
    /// </param>
    public static Lease? Namesake(StoreSnapshot all, LeaseAttributes ours, long before = long.MaxValue) => Leases(all).FirstOrDefault(lease =>
        lease.Attributes.PublicIP.Equals(ours.PublicIP) && OwnKey.IsOtherNode(lease.Attributes, ours) && lease.ModRevision < before);

    /// <summary>Another node's lease, at another key, of a subnet that overlaps ours.</summary>
    /// <param name="all">What stands.</param>
    /// <param name="key">Our key.</param>
    /// <param name="ours">Who we are.</param>
    /// <param name="before">The revision at which our key was created; only what was created before counts.</param>
    public static Lease? Overlapping(StoreSnapshot all, SubnetKey key, LeaseAttributes ours, long before = long.MaxValue) => Leases(all).FirstOrDefault(lease =>
        lease.Key != key && lease.Subnet.Overlaps(key.Subnet) && OwnKey.IsForeign(lease.Attributes, ours) && lease.CreateRevision < before);

    /// <summary>Our key, if it is still as we know it; otherwise there is news of it on the way, which tell more.</summary>
    public static StoreRecord? Own(StoreSnapshot all, OwnLease lease)
    {
        string path = StorePaths.Subnet(lease.Key);
        return all.Records.FirstOrDefault(record => record.Path == path && record.ModRevision == lease.ModRevision);
    }

    private static IEnumerable<Lease> Leases(StoreSnapshot all)
    {
        foreach (StoreRecord record in all.Records)
        {
            if (Lease.TryRead(record, out Lease? lease, out _))
                yield return lease;
        }
    }
}
