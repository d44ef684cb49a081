using System.Text;
using Overlay.Agent.Leases;
using Overlay.Subnet.Model;
using Overlay.Subnet.Survey;

namespace Overlay.Agent.NetworkConfigs;

/// <summary>What a new network config changes, and for whom. Pure.</summary>
/// <param name="Fields">Each key that changes: name, old and new value. Everything, where there was no usable config.</param>
/// <param name="Misfits">The leases and reservations that the new config does not lease any more, and why.</param>
/// <param name="Standing">How many leases and reservations there are.</param>
/// <param name="SplitsNetwork">Nodes with the old config and nodes with the new one cannot hear each other.</param>
internal sealed record ConfigChange(
    IReadOnlyList<(string Key, object? Was, object? Now)> Fields, IReadOnlyList<(Lease Lease, string Reason)> Misfits, int Standing, bool SplitsNetwork)
{
    /// <summary>Compares.</summary>
    public static ConfigChange Between(ClusterView now, NetworkConfig next)
    {
        NetworkConfig? was = now.Config;
        (Lease, string)[] misfits = [.. now.Leases.Select(l => (l, SubnetFit.Misfit(next, l.Subnet))).Where(m => m.Item2 is not null).Select(m => (m.l, m.Item2!))];
        bool splits = was is not null && (was.Backend.Vni, was.Backend.Port, was.Backend.Type) != (next.Backend.Vni, next.Backend.Port, next.Backend.Type);
        return new ConfigChange([.. NetworkConfig.Changes(was, next)], misfits, now.Leases.Count(), splits);
    }

    /// <summary>The whole of it for an operator.</summary>
    public string Describe()
    {
        StringBuilder text = new();
        if (Fields.Count == 0) return "agents see no change: only the text differs\n";
        text.Append("changes\n");
        foreach ((string key, object? was, object? now) in Fields) text.Append($"  {key}: {was ?? "none"} -> {now ?? "none"}\n");
        text.Append(Misfits.Count == 0
            ? $"all {Standing} leases and reservations fit as they are\n"
            : $"{Misfits.Count} of {Standing} leases and reservations do not fit any more\n");
        foreach ((Lease lease, string reason) in Misfits)
            text.Append($"  {lease.Subnet} of {lease.Attributes.PublicIP}{(lease.IsReservation ? ", reserved" : "")}: {reason}\n");
        text.Append("what follows\n");
        foreach (string line in Consequences()) text.Append($"  {line}\n");
        return text.ToString();
    }

    private IEnumerable<string> Consequences()
    {
        if (Standing == 0)
        {
            yield return "agents that wait for a config start with this one";
            yield break;
        }
        yield return "running agents go on as they are and report that a restart is needed";
        if (Misfits.Count > 0) yield return "a node whose lease does not fit gets another subnet at its next start: restart its Docker then";
        if (SplitsNetwork) yield return "restart all agents together: nodes with the old VNI, port or backend do not hear nodes with the new one";
        if (Fields.Any(f => f.Key == "Backend.MTU")) yield return "restart every agent and its Docker: containers keep the old MTU until then";
        if (Fields.Any(f => f.Key == "Network")) yield return "restart every agent: until then a node has no route to subnets outside of the old network";
    }
}
