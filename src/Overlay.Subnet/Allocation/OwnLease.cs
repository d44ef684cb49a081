using System.Net;
using Overlay.Subnet.Model;

namespace Overlay.Subnet.Allocation;

/// <summary>The subnet this node holds, as last confirmed by etcd.</summary>
/// <param name="Key">The key below <c>subnets/</c>.</param>
/// <param name="Attributes">What we wrote into it.</param>
/// <param name="EtcdLeaseId">The etcd lease that keeps it alive; 0 for a reservation, which needs no renewal and gets none.</param>
/// <param name="ModRevision">The revision of the last write, ours.</param>
public sealed record OwnLease(SubnetKey Key, LeaseAttributes Attributes, long EtcdLeaseId, long ModRevision)
{
    /// <summary>The subnet.</summary>
    public IPNetwork Subnet => Key.Subnet;

    /// <summary>The key has no etcd lease: an operator reserved the subnet for this node.</summary>
    public bool IsReservation => EtcdLeaseId == 0;
}
