using System.Diagnostics.CodeAnalysis;
using System.Net;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Model;

/// <summary>One node's lease as it stands in etcd.</summary>
/// <param name="Key">The key below <c>subnets/</c>.</param>
/// <param name="Attributes">What the node says about itself.</param>
/// <param name="EtcdLeaseId">The etcd lease that the key dies with; 0 means a reservation, which never expires.</param>
/// <param name="CreateRevision">The store revision at which the key was created; the older of two claims wins.</param>
/// <param name="ModRevision">The store revision of its last write.</param>
public sealed record Lease(SubnetKey Key, LeaseAttributes Attributes, long EtcdLeaseId, long CreateRevision, long ModRevision)
{
    /// <summary>The subnet.</summary>
    public IPNetwork Subnet => Key.Subnet;

    /// <summary>The key has no etcd lease: somebody reserved it.</summary>
    public bool IsReservation => EtcdLeaseId == 0;

    /// <summary>It is not in the store any more, which was lost as a whole; kept because its node is most likely still there.</summary>
    public bool IsRetained { get; init; }

    /// <summary>Decodes a stored key and its value.</summary>
    /// <param name="record">A key below <c>subnets/</c> that holds a value.</param>
    /// <param name="lease">The lease, when both parts are good.</param>
    /// <param name="reason">Otherwise why not, safe to log.</param>
    public static bool TryRead(StoreRecord record, [NotNullWhen(true)] out Lease? lease, [NotNullWhen(false)] out string? reason)
    {
        lease = null;
        if (!SubnetKey.TryParse(StorePaths.SubnetName(record.Path), out SubnetKey key, out reason)
            || !LeaseAttributes.TryParse(record.Value.Span, out LeaseAttributes? attributes, out reason))
            return false;
        lease = new Lease(key, attributes, record.EtcdLeaseId, record.CreateRevision, record.ModRevision);
        return true;
    }
}
