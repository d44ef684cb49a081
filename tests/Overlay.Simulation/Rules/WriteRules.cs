using System.Net;
using Overlay.Simulation.Agents;
using Overlay.Simulation.Etcd;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Rules;

/// <summary>Judges every write to the simulated etcd at the moment it happens.</summary>
public sealed class WriteRules(World world)
{
    // Keys that no agent can answer for: written by others, brought back from a backup, or by a request that took effect after its time.
    private readonly HashSet<(string Path, long CreateRevision)> _excused = [];

    public void Check(Writer who, StoreRecord? before, StoreRecord after)
    {
        if (!after.Path.StartsWith(StorePaths.Subnets, StringComparison.Ordinal))
            return;
        if (who.Agent is null || who.IsLate)
            _excused.Add((after.Path, after.CreateRevision));
        if (who == Writer.Expiry && before is not null)
            CheckExpiry(before);
        if (who.Agent is not { } agent)
            return;
        KeyRules.CheckWrite(who.Names!, before, after);
        CheckEtcdLease(agent, after);
        if (before is not null || after.IsDeleted)
            return;
        if (KeyRules.SubnetOf(after.Path) is not { } subnet || !world.IsLeased(subnet))
            throw new ViolationException(ViolationKind.WrongKey, $"{agent.Name} took {after.Path}, which no network config leases");
        if (who.IsLate)
            return;
        KeyRules.CheckNew(who.Names!, after, world.Etcd.State.Records.Values.Where(other => IsAccountable(other) && IsInTheWay(who, other, after)));
        CheckMove(agent, after);
    }

    /// <summary>
    /// Judges a lease at the moment when an agent claims to have written its key: etcd has held that, at the revision it names, and it is of the
    /// agent's network.
    /// </summary>
    public void CheckClaim(SimAgent agent, OwnLease claimed)
    {
        if (!agent.Run!.Config!.Network.Contains(claimed.Subnet.BaseAddress))
            throw new ViolationException(ViolationKind.WrongKey, $"{agent.Name} claims {claimed.Key}, which is outside its network {agent.Run.Config.Network}");
        string path = StorePaths.Subnet(claimed.Key);
        byte[] value = claimed.Attributes.ToJson();
        bool Held(StoreRecord record) => record.ModRevision == claimed.ModRevision && record.Path == path && !record.IsDeleted
            && record.EtcdLeaseId == claimed.EtcdLeaseId && record.Value.Span.SequenceEqual(value);
        if (!world.Etcd.Branches.Any(branch => branch.History.Exists(Held)))
        {
            throw new ViolationException(
                ViolationKind.UnbackedClaim, $"{agent.Name} claims {claimed.Key} under lease {claimed.EtcdLeaseId} at revision {claimed.ModRevision}, which etcd never held");
        }
    }

    /// <summary>What stands after a restore is nobody's fault.</summary>
    public void ExcuseAll() => _excused.UnionWith(world.Etcd.State.Records.Values.Select(record => (record.Path, record.CreateRevision)));

    /// <summary>
    /// An agent starts from its cache: other keys of its own are those of a process that ended before it could write them down, and nobody has told
    /// this one. They are not renewed.
    /// </summary>
    public void ExcuseForgotten(AgentRun run, string held) => _excused.UnionWith(world.Etcd.State.Records.Values
        .Where(record => record.Path != held && KeyRules.IsOwn(record, run.Names)).Select(record => (record.Path, record.CreateRevision)));

    // Whoever uses the key has had the time to renew it.
    private void CheckExpiry(StoreRecord expired)
    {
        foreach (SimAgent agent in world.Agents.Where(agent => agent.IsClean && world.Clock.Now - agent.CleanSince > OwnershipRules.HearingTime))
        {
            if (agent.Belief is { } belief && StorePaths.Subnet(belief.Key) == expired.Path && KeyRules.IsOwn(expired, agent.Run!.Names))
                throw new ViolationException(ViolationKind.Lapsed, $"{agent.Name} lets {expired.Path} run out under etcd lease {expired.EtcdLeaseId}");
        }
    }

    private bool IsAccountable(StoreRecord record) =>
        record.Path.StartsWith(StorePaths.Subnets, StringComparison.Ordinal) && !_excused.Contains((record.Path, record.CreateRevision));

    // Of its own, a key that its network config no longer leases is replaced, or one that overlaps an older one of another's; of another's, it can
    // only know what stood there when it looked.
    private bool IsInTheWay(Writer who, StoreRecord other, StoreRecord created) => !KeyRules.IsOwn(other, who.Names!)
        ? who.Agent!.ShouldKnow(other, created.Path)
        : who.Agent!.Run?.Config is not { } config || KeyRules.SubnetOf(other.Path) is not { } subnet
        || (config.Fits(subnet) && !world.Etcd.State.Records.Values.Any(elder => elder.CreateRevision < other.CreateRevision
            && KeyRules.IsAnothers(elder, who.Names!) && KeyRules.SubnetOf(elder.Path) is { } theirs && KeyRules.Overlap(theirs, subnet)));

    // Renewed for one, it would keep the other alive for ever: nobody deletes a key that has been given up, it is left to expire.
    private void CheckEtcdLease(SimAgent agent, StoreRecord after)
    {
        if (after.EtcdLeaseId != 0 && world.Etcd.State.Records.Values.FirstOrDefault(other => other.EtcdLeaseId == after.EtcdLeaseId && other.Path != after.Path) is { } other)
            throw new ViolationException(ViolationKind.SharedEtcdLease, $"{agent.Name} puts {after.Path} under etcd lease {after.EtcdLeaseId}, under which {other.Path} stands");
    }

    // An agent leaves its subnet only if that was taken in the snapshot by which it chose, or when it tried to write it.
    private static void CheckMove(SimAgent agent, StoreRecord created)
    {
        if ((agent.Run?.LastHeld?.Subnet ?? agent.Disk.Subnet) is not { } old || agent.LastRead is not { } read)
            return;
        if (agent.Run?.Config?.Fits(old) == false || KeyRules.SubnetOf(created.Path)?.PrefixLength != old.PrefixLength)
            return; // another network config
        string path = StorePaths.Subnet(SubnetKey.For(old));
        bool wasTaken = read.Records.Any(record => KeyRules.SubnetOf(record.Path) is IPNetwork taken && KeyRules.Overlap(taken, old));
        if (created.Path != path && !wasTaken && !agent.RefusedSince.Contains(path))
            throw new ViolationException(ViolationKind.NeedlessMove, $"{agent.Name} leaves {path} for {created.Path}, though it was free at revision {read.Revision}");
    }
}
