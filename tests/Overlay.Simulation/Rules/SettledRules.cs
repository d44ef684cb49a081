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
    public string? Problem() => world.Agents.Select(Problem).FirstOrDefault(problem => problem is not null);

    private string? Problem(SimAgent agent)
    {
        List<StoreRecord> keys = [.. world.Etcd.State.Records.Values.Where(record => record.Path.StartsWith(StorePaths.Subnets, StringComparison.Ordinal))];
        if (agent.Belief is not { } lease)
        {
            string? free = FreeSubnet(keys);
            bool namesake = keys.Any(key => key.EtcdLeaseId == 0 && IsNamesake(key, agent));
            return free is null || namesake ? null : $"{agent.Name} has no lease though {free} is free: {agent.Run?.WaitingFor ?? "it waits for nothing"}";
        }
        return OwnKeyProblem(agent, lease, keys) ?? TableProblem(agent, keys);
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

    // A reservation under our address for another machine: the operator has to decide.
    private static bool IsNamesake(StoreRecord key, SimAgent agent) =>
        LeaseAttributes.TryParse(key.Value.Span, out LeaseAttributes? found, out _) && found.PublicIP.Equals(agent.PublicIP) && !KeyRules.IsOwn(key, [agent.Wanted]);
}
