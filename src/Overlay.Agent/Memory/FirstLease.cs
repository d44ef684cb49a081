using System.Net;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Memory;

/// <summary>
/// The lease that a run begins with: one that etcd confirms, as a rule. Where etcd can be read and not be written (its database full, its quorum
/// lost in between), a node whose subnet is still its own goes on with the lease of the run before, as if that run had never ended.
/// </summary>
/// <param name="Lease">The lease.</param>
/// <param name="IsEarlier">It is that of the run before, not confirmed by etcd.</param>
/// <param name="Trouble">What etcd has against it, in words; null for nothing.</param>
internal sealed record FirstLease(OwnLease Lease, bool IsEarlier, string? Trouble)
{
    /// <summary>Acquires a lease; for want of one in <see cref="StartDecision.Patience"/>, goes on with the earlier one if that can be.</summary>
    /// <param name="acquirer">Acquires.</param>
    /// <param name="config">The network, as etcd has it.</param>
    /// <param name="wanted">What this node says of itself.</param>
    /// <param name="memory">What it remembers.</param>
    /// <param name="read">The leases, as etcd has them; null where there is nothing to go on with.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="DuplicatePublicIpException">Another agent holds a lease under our PublicIP.</exception>
    public static async Task<FirstLease> TakeAsync(
        LeaseAcquirer acquirer, NetworkConfig config, LeaseAttributes wanted, NodeMemory memory, LeaseTable? read, TimeProvider time, CancellationToken stop)
    {
        bool canGoOn = read is not null && memory.State.Subnet is { } subnet && IsOurs(subnet, config, wanted, memory, read);
        using CancellationTokenSource patience = new(canGoOn ? StartDecision.Patience : Timeout.InfiniteTimeSpan, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, stop);
        try
        {
            return new FirstLease(await acquirer.AcquireAsync(config, wanted, memory.PreviousSubnets, either.Token).ConfigureAwait(false), IsEarlier: false, Trouble: null);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // What the broken-off acquisition may have written is this very subnet in our name, which the keeper finds.
            return new FirstLease(memory.EarlierLease(wanted), IsEarlier: true, acquirer.WaitingFor ?? "etcd has not confirmed the lease yet");
        }
    }

    // It would also be the acquirer's first choice: nobody else has a claim to it, and we have none to another.
    private static bool IsOurs(IPNetwork subnet, NetworkConfig config, LeaseAttributes wanted, NodeMemory memory, LeaseTable read) =>
        config.Fits(subnet) && memory.PreviousSubnets is [var best, ..] && best == subnet
        && read.Leases.Values.Concat(read.Conflicts.Select(conflict => conflict.Lease)).All(lease =>
            lease.Attributes.PublicIP.Equals(wanted.PublicIP) ? lease.Subnet == subnet : !lease.Subnet.Overlaps(subnet));
}
