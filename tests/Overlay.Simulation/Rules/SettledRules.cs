using System.Net;
using Overlay.Simulation.Agents;
using Overlay.Simulation.Etcd;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Rules;

/// <summary>What must be so some time after the last fault: every agent has a lease if there is one to have, and everybody sees the same.</summary>
public sealed class SettledRules(World world)
{
    /// <summary>What is not so yet, or null when all is.</summary>
    public string? Problem() => world.Agents.Select(Problem).FirstOrDefault(problem => problem is not null) ?? RivalProblem();

    private string? Problem(SimAgent agent)
    {
        List<StoreRecord> keys = [.. world.Etcd.State.Records.Values.Where(record => record.Path.StartsWith(StorePaths.Subnets, StringComparison.Ordinal))];
        if (agent.Belief is not { } lease)
        {
            string? free = FreeSubnet(keys);
            bool namesake = keys.Any(key => IsNamesake(key, agent)
                && (key.EtcdLeaseId == 0 || world.Agents.Any(other => other.Belief is { } held && StorePaths.Subnet(held.Key) == key.Path)));
            return free is null || namesake ? null : $"{agent.Name} has no lease though {free} is free: {agent.Run?.WaitingFor ?? "it waits for nothing"}";
        }
        return OwnKeyProblem(agent, lease, keys) ?? TableProblem(agent, keys);
    }

    private string? RivalProblem()
    {
        foreach (SimAgent a in world.Agents.Where(agent => agent.Belief is not null))
        {
            foreach (SimAgent b in world.Agents.TakeWhile(agent => agent != a).Where(agent => agent.Belief is not null))
            {
                if (a.PublicIP.Equals(b.PublicIP) && !a.Belief!.IsReservation && !b.Belief!.IsReservation) // what an operator has reserved, he has decided
                    return $"{a.Name} and {b.Name} both use {a.PublicIP}";
                if (KeyRules.Overlap(a.Belief!.Subnet, b.Belief!.Subnet))
                    return $"{a.Name} uses {a.Belief!.Key}, {b.Name} {b.Belief!.Key}";
            }
        }
        return null;
    }

    private static string? OwnKeyProblem(SimAgent agent, OwnLease lease, List<StoreRecord> keys)
    {
        StoreRecord? own = keys.Find(key => key.Path == StorePaths.Subnet(lease.Key));
        if (own is null || !own.Value.Span.SequenceEqual(agent.Wanted.ToJson()) || own.EtcdLeaseId != lease.EtcdLeaseId || own.ModRevision != lease.ModRevision)
            return $"{agent.Name} believes in {lease.Key} with lease {lease.EtcdLeaseId} @{lease.ModRevision}, etcd has {Describe.Record(own)}";
        StoreRecord? second = keys.Find(key => key.Path != own.Path && key.EtcdLeaseId != 0 && KeyRules.IsOwn(key, [agent.Wanted]));
        return second is null ? null : $"{agent.Name} has a second key {second.Path}";
    }

    private static string? TableProblem(SimAgent agent, List<StoreRecord> keys)
    {
        if (agent.Run!.Watcher.WaitingFor is { } reason)
            return $"{agent.Name} still waits for its peers' leases: {reason}";
        // What it still shows of flannel after the store was lost, is the table rules' business.
        IEnumerable<Lease> leases = agent.Run.Watcher.Current.Leases.Values.Where(lease => !lease.IsRetained || lease.Attributes.NodeId is not null);
        var shown = leases.Select(shown => $"{shown.Key}={shown.Attributes.PublicIP}").ToHashSet();
        var held = new HashSet<string>();
        foreach (StoreRecord key in keys)
        {
            if (Lease.TryRead(key, out Lease? lease, out _))
                held.Add($"{lease.Key}={lease.Attributes.PublicIP}");
        }
        // Of an unreadable key the last good value may be shown.
        shown.RemoveWhere(entry => !held.Contains(entry) && keys.Exists(key => entry.StartsWith(StorePaths.SubnetName(key.Path), StringComparison.Ordinal)));
        // Of two that overlap, such as a reservation of another size, only one is shown.
        held.RemoveWhere(entry => !shown.Contains(entry) && keys.Exists(key => !entry.StartsWith(StorePaths.SubnetName(key.Path), StringComparison.Ordinal)
            && KeyRules.SubnetOf(key.Path) is { } taken && KeyRules.SubnetOf(StorePaths.Subnets + entry[..entry.IndexOf('=', StringComparison.Ordinal)]) is { } left
            && KeyRules.Overlap(taken, left)));
        return shown.SetEquals(held) ? null : $"{agent.Name} shows {string.Join(' ', shown.Order())}, etcd has {string.Join(' ', held.Order())}";
    }

    private string? FreeSubnet(List<StoreRecord> keys)
    {
        foreach (IPNetwork subnet in world.Pool)
        {
            if (!keys.Exists(key => KeyRules.SubnetOf(key.Path) is { } taken && KeyRules.Overlap(taken, subnet)))
                return subnet.ToString();
        }
        return null;
    }

    // A reservation under our address for another machine, or a machine that has the address: the operator has to decide.
    private static bool IsNamesake(StoreRecord key, SimAgent agent) =>
        LeaseAttributes.TryParse(key.Value.Span, out LeaseAttributes? found, out _) && found.PublicIP.Equals(agent.PublicIP) && !KeyRules.IsOwn(key, [agent.Wanted]);
}
