using Overlay.Agent.Doctor.Node;
using Overlay.Agent.State;
using Overlay.Subnet.Model;
using Overlay.Subnet.Survey;

namespace Overlay.Agent.Doctor.Etcd;

/// <summary>Network config, this node's lease and the others' claims. Pure; the judgement of the keys is the one that agents pass.</summary>
internal static class LeaseChecks
{
    private const int MostNamed = 10;

    /// <summary>All findings.</summary>
    /// <param name="etcd">What etcd holds.</param>
    /// <param name="node">This node.</param>
    /// <param name="state">Its state file, or null where it cannot be read.</param>
    public static IEnumerable<Finding> Judge(EtcdFacts etcd, NodeFacts node, AgentState? state)
    {
        if (etcd.Problem is { } problem)
        {
            string known = etcd.Cache is { } cache ? $"; {Describe(cache.Config)} by the agent's cache of {cache.Saved:u}" : "";
            return [Checks.Config.Skip(problem + known), Checks.Own.Skip(problem), Checks.Conflicts.Skip(problem)];
        }
        return [Config(etcd, node), Own(etcd, node, state), .. Conflicts(etcd)];
    }

    private static Finding Config(EtcdFacts etcd, NodeFacts node)
    {
        string key = $"{node.Options.Etcd.Prefix}/config";
        if (etcd.Config is not { } config)
            return Checks.Config.Fail(etcd.ConfigProblem ?? "there is none", "overlay-agent config put FILE, with {\"Network\":\"10.1.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}} in the file");
        string found = Describe(config);
        return config.Backend.TypeWasMissing
            ? Checks.Config.Warn($"{found}; Backend.Type is missing, which flanneld takes for udp and this agent for vxlan", $"write \"Backend\":{{\"Type\":\"vxlan\"}} into {key}")
            : Checks.Config.Ok(found);
    }

    private static string Describe(NetworkConfig config) => $"{config.Network}, /{config.SubnetLength} each, VNI {config.Backend.Vni}, UDP {config.Backend.Port}";

    private static Finding Own(EtcdFacts etcd, NodeFacts node, AgentState? state)
    {
        if (node.Underlay is not { } underlay) return Checks.Own.Skip("no underlay interface, so no public address to look for");
        Lease[] own = [.. etcd.Own(underlay.PublicIp)];
        if (own.Length == 0)
        {
            return node.Agents.Count == 0
                ? Checks.Own.Skip($"no key for {underlay.PublicIp}: no agent runs")
                : Checks.Own.Fail($"no key for {underlay.PublicIp}, and an agent runs", $"journalctl -u {node.Unit.Name} -n 50");
        }
        Lease lease = own.FirstOrDefault(l => l.Subnet == node.File.Subnet) ?? own[0];
        if (state is not null && lease.Attributes.NodeId is { } id && id != state.NodeId)
            return Checks.Own.Fail($"{lease.Key} has this node's public address {underlay.PublicIp} and another node's id {id}: a cloned machine?",
                $"give each node its own address; on the clone: systemctl stop {node.Unit.Name}; rm {Path.Combine(node.Options.StateDirectory, StateFile.FileName)} {Path.Combine(node.Options.StateDirectory, CacheFile.FileName)}");
        if (node.File.Subnet is { } file && file != lease.Subnet)
            return Checks.Own.Fail($"the key is {lease.Key}, {node.File.Path} says {file}", $"systemctl restart {node.Unit.Name} docker");
        if (lease.IsReservation) return Checks.Own.Ok($"{lease.Key}, a reservation without an end");
        if (etcd.OwnLife is not { } life) return Checks.Own.Fail($"{lease.Key}: its etcd lease does not exist any more", $"systemctl restart {node.Unit.Name}");
        string found = $"{lease.Key}, {Math.Floor(life.Remaining.TotalMinutes)} of {Math.Ceiling(life.Granted.TotalMinutes)} minutes left";
        return life.Remaining < node.Options.RenewMargin && life.Remaining < life.Granted / 2
            ? Checks.Own.Warn($"{found}: it should have been renewed", $"journalctl -u {node.Unit.Name} -n 50")
            : Checks.Own.Ok(found);
    }

    private static IEnumerable<Finding> Conflicts(EtcdFacts etcd)
    {
        SurveyedKey[] bad = [.. etcd.Keys.Where(k => k.Problems.Count > 0)];
        foreach (SurveyedKey key in bad.Take(MostNamed))
        {
            string name = key.Key?.Name ?? Subnet.LogText.Escape(key.Record.Path);
            yield return Checks.Conflicts.Warn(string.Join("; ", key.Problems), key.Key is null ? "look at it with etcdctl, and delete it" : $"overlay-agent leases; overlay-agent leases release {key.Key.Value.Name.Replace('-', '/')} once its node is known to be gone").Of(name);
        }
        if (bad.Length > MostNamed) yield return Checks.Conflicts.Warn($"{bad.Length - MostNamed} more keys with trouble", "overlay-agent leases");
        if (bad.Length == 0) yield return Checks.Conflicts.Ok($"{etcd.Keys.Count} keys, none in another's way");
    }
}
