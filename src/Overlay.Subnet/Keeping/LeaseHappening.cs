using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;

namespace Overlay.Subnet.Keeping;

/// <summary>Something that happened to our lease, in the order it happened; see the nested types.</summary>
public abstract record LeaseHappening
{
    private LeaseHappening()
    {
    }

    /// <summary>The lease lives for another <paramref name="Ttl"/>, and nothing is wrong with its key.</summary>
    public sealed record Renewed(OwnLease Lease, TimeSpan Ttl) : LeaseHappening;

    /// <summary>The key had vanished or been altered and stands again for the same subnet; nothing changes for packets.</summary>
    public sealed record Recreated(OwnLease Lease) : LeaseHappening;

    /// <summary>The key is found to be a reservation for this node: there is nothing to renew.</summary>
    public sealed record Reserved(OwnLease Lease) : LeaseHappening;

    /// <summary>Another node holds our subnet now: stop using it. <see cref="Moved"/> follows once there is another.</summary>
    public sealed record Lost(OwnLease Lease, LeaseAttributes By) : LeaseHappening;

    /// <summary>After <see cref="Lost"/> a new subnet has been taken.</summary>
    public sealed record Moved(OwnLease Old, OwnLease New, LeaseAttributes By) : LeaseHappening;

    /// <summary>The time to live has passed without contact: by now etcd may have given the subnet away. Forwarding goes on; worth an alarm.</summary>
    public sealed record Overdue(OwnLease Lease) : LeaseHappening;

    /// <summary>
    /// etcd answers, and yet lease or key cannot be kept as they should be; retried for ever. Over with the next <see cref="Renewed"/>,
    /// <see cref="Recreated"/>, <see cref="Reserved"/> or <see cref="Moved"/>. Said once for each reason.
    /// </summary>
    public sealed record Hindered(OwnLease Lease, string Reason) : LeaseHappening;

    /// <summary>Contact with etcd is lost, or lost for another reason than was told; retried for ever.</summary>
    public sealed record EtcdUnreachable(DateTimeOffset Since, string Reason) : LeaseHappening;

    /// <summary>Contact with etcd is back.</summary>
    public sealed record EtcdBack : LeaseHappening;
}
