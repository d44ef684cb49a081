using Overlay.Simulation.Agents;
using Overlay.Simulation.Etcd;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Rules;

/// <summary>An agent that says it has written a key has seen etcd hold it: with its value, under its etcd lease, at the revision it names.</summary>
public static class ClaimRules
{
    /// <summary>Judges a lease at the moment when it is claimed.</summary>
    public static void Check(SimAgent agent, SimEtcd etcd, OwnLease claimed)
    {
        string path = StorePaths.Subnet(claimed.Key);
        byte[] value = claimed.Attributes.ToJson();
        bool Held(StoreRecord record) => record.ModRevision == claimed.ModRevision && record.Path == path && !record.IsDeleted
            && record.EtcdLeaseId == claimed.EtcdLeaseId && record.Value.Span.SequenceEqual(value);
        if (!etcd.Branches.Any(branch => branch.History.Exists(Held)))
        {
            throw new ViolationException(
                ViolationKind.UnbackedClaim, $"{agent.Name} claims {claimed.Key} under lease {claimed.EtcdLeaseId} at revision {claimed.ModRevision}, which etcd never held");
        }
    }
}
