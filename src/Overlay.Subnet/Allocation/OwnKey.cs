using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Allocation;

/// <summary>What stands at our key, compared with what should.</summary>
internal enum OwnKeyState
{
    /// <summary>Our value under our etcd lease.</summary>
    Good,

    /// <summary>Nothing.</summary>
    Gone,

    /// <summary>Ours by PublicIP, or nobody's since unreadable, but not as we wrote it.</summary>
    Altered,

    /// <summary>Ours, and an operator has taken the etcd lease off it: it is a reservation now.</summary>
    Reserved,

    /// <summary>Word for word ours, under another etcd lease.</summary>
    Doubled,

    /// <summary>Another node's.</summary>
    Foreign,
}

/// <summary>Judges the key of our subnet. Pure.</summary>
internal static class OwnKey
{
    /// <param name="record">The key; null or deleted when there is none.</param>
    /// <param name="lease">What we hold.</param>
    /// <param name="owner">The other node, when the key is <see cref="OwnKeyState.Foreign"/>.</param>
    public static OwnKeyState Judge(StoreRecord? record, OwnLease lease, out LeaseAttributes? owner)
    {
        owner = null;
        if (record is null || record.IsDeleted)
            return OwnKeyState.Gone;
        if (!LeaseAttributes.TryParse(record.Value.Span, out LeaseAttributes? found, out _))
            return OwnKeyState.Altered;
        if (IsForeign(found, lease.Attributes))
        {
            owner = found;
            return OwnKeyState.Foreign;
        }
        if (record.EtcdLeaseId == 0 && lease.EtcdLeaseId != 0)
            return OwnKeyState.Reserved;
        if (found != lease.Attributes)
            return OwnKeyState.Altered;
        return record.EtcdLeaseId == lease.EtcdLeaseId ? OwnKeyState.Good
            : lease.IsReservation ? OwnKeyState.Altered : OwnKeyState.Doubled; // a reservation is never given a time to live
    }

    /// <summary>A key that says this is another node's.</summary>
    public static bool IsForeign(LeaseAttributes found, LeaseAttributes ours) => !found.PublicIP.Equals(ours.PublicIP) || IsOtherNode(found, ours);

    /// <summary>Tells two agents of ours apart by node id; a flannel on this very node has none and is nobody else.</summary>
    public static bool IsOtherNode(LeaseAttributes found, LeaseAttributes ours) =>
        found.NodeId is not null && ours.NodeId is not null && found.NodeId != ours.NodeId;
}
