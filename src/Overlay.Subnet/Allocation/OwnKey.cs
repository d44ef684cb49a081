using System.Net;
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
        if (!found.PublicIP.Equals(lease.Attributes.PublicIP) || IsOtherNode(found, lease.Attributes))
        {
            owner = found;
            return OwnKeyState.Foreign;
        }
        if (record.EtcdLeaseId == 0 && lease.EtcdLeaseId != 0)
            return OwnKeyState.Reserved;
        return found == lease.Attributes && record.EtcdLeaseId == lease.EtcdLeaseId ? OwnKeyState.Good : OwnKeyState.Altered;
    }

    /// <summary>Tells two agents of ours apart by node id; a flannel on this very node has none and is nobody else.</summary>
    public static bool IsOtherNode(LeaseAttributes found, LeaseAttributes ours) =>
        found.NodeId is not null && ours.NodeId is not null && found.NodeId != ours.NodeId;
}

/// <summary>
/// What our key is to say, which changes when the node's own address does; and all that it was ever to say, since the key may show any of
/// it while the answer to a write is lost.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class WantedAttributes(LeaseAttributes first)
{
    private readonly Lock _gate = new();
    private readonly List<LeaseAttributes> _all = [first];   // the newest last
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>What it is to say now.</summary>
    public LeaseAttributes Current
    {
        get { lock (_gate) return _all[^1]; }
    }

    /// <summary>Ends when <see cref="Current"/> is no longer <paramref name="known"/>.</summary>
    public Task ChangedFrom(LeaseAttributes known)
    {
        lock (_gate) return _all[^1] == known ? _changed.Task : Task.CompletedTask;
    }

    /// <summary>Asks for another address in the key.</summary>
    public void Readdress(IPAddress publicIp)
    {
        lock (_gate)
        {
            LeaseAttributes wanted = _all[^1] with { PublicIP = publicIp };
            if (wanted == _all[^1]) return;
            _all.Remove(wanted);
            _all.Add(wanted);
            _changed.SetResult();
            _changed = NewSignal();
        }
    }

    /// <summary>Whether this is something we wrote, or tried to.</summary>
    public bool IsOurs(LeaseAttributes found)
    {
        lock (_gate) return _all.Contains(found);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
