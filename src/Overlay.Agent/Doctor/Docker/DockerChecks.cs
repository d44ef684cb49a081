using Overlay.Agent.Docker;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Files;
using Overlay.Agent.Reading;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Doctor.Docker;

/// <summary>Docker's settings and its bridge against subnet.env; the judgement of the settings is the daemon's own. Pure.</summary>
internal static class DockerChecks
{
    /// <summary>All findings.</summary>
    public static IEnumerable<Finding> Judge(NodeFacts node, DockerFacts docker)
    {
        if (node.File is not { Network: { } network, Subnet: { } subnet, Mtu: { } mtu, Masquerade: { } masquerade })
        {
            string reason = $"no usable {node.File.Path} to compare with";
            return [Checks.DockerFlags.Skip(reason), Order(node.File, docker, agrees: false), Checks.DockerBridge.Skip(reason)];
        }
        SubnetEnv env = new(network, subnet, mtu, masquerade);
        DockerFinding[] settings = [.. DockerFindings.Judge(docker.View(node) with { Bridge = null }, env)];
        return [.. Flags(docker, settings, env), Order(node.File, docker, settings.Length == 0), Bridge(node, docker, env)];
    }

    private static IEnumerable<Finding> Flags(DockerFacts docker, DockerFinding[] settings, SubnetEnv env)
    {
        if (docker.Daemon is null && docker.DaemonJson is null)
        {
            yield return Checks.DockerFlags.Skip("no dockerd runs here, and there is no daemon.json");
            yield break;
        }
        foreach (DockerFinding setting in settings)
        {
            // What daemon.json says does no harm before the next start of Docker, unless the running one shows trouble too.
            bool isOfFile = setting.Subject.StartsWith(DockerView.ConfigPath, StringComparison.Ordinal);
            string found = $"{setting.Subject} {setting.Found}";
            yield return isOfFile && settings.All(s => s.Subject.StartsWith(DockerView.ConfigPath, StringComparison.Ordinal))
                ? Checks.DockerFlags.Warn(found, setting.Advice) : Checks.DockerFlags.Fail(found, setting.Advice);
        }
        bool masquerades = docker.Daemon?.Option("--ip-masq") is not ("false" or "0" or "False" or "FALSE" or "f" or "F");
        bool isSaidInFile = docker.DaemonJson is { } json && json.AsSpan().IndexOf("\"ip-masq\""u8) >= 0;
        if (docker.Daemon is not null && env.Masquerade && masquerades && !isSaidInFile)
            yield return Checks.DockerFlags.Warn("dockerd masquerades as well as the agent: peers see this node's address instead of a container's", "give dockerd --ip-masq=false (the options of --docker-opts-file), and restart Docker");
        else if (settings.Length == 0)
            yield return Checks.DockerFlags.Ok($"they agree with {env.BridgeAddress}, MTU {env.Mtu}");
    }

    private static Finding Order(SubnetFileFacts file, DockerFacts docker, bool agrees)
    {
        if (docker.Daemon is not ProcessInfo daemon) return Checks.DockerOrder.Skip("no dockerd runs here");
        if (file.Written is not { } written) return Checks.DockerOrder.Fail($"dockerd (process {daemon.Id}) runs and {file.Path} does not exist", "systemctl start overlay-agent, then systemctl restart docker");
        string times = $"dockerd started {daemon.Started.UtcDateTime:u}, {file.Path} was written {written.UtcDateTime:u}";
        if (daemon.Started >= written) return Checks.DockerOrder.Ok(times);
        // The file is written at each start of the agent, mostly with the same values.
        return agrees && docker.Bip == file.Bip
            ? Checks.DockerOrder.Ok($"{times}, with the values Docker has")
            : Checks.DockerOrder.Fail($"{times}: Docker started before it and has other values", "order docker.service after overlay-agent.service (After=, Requires=), then systemctl restart docker");
    }

    private static Finding Bridge(NodeFacts node, DockerFacts docker, SubnetEnv env)
    {
        if (node.Host.Links.FirstOrDefault(l => l.Name == docker.Bridge) is not { } bridge) return Checks.DockerBridge.Skip($"there is no {docker.Bridge}");
        AddressInfo[] addresses = [.. node.AddressesOf(bridge)];
        string found = addresses.Length == 0 ? "no address" : string.Join(' ', addresses.Select(a => $"{a.Address}/{a.PrefixLength}"));
        return found.Split(' ').Contains(env.BridgeAddress)
            ? Checks.DockerBridge.Ok($"{bridge.Name} has {found}")
            : Checks.DockerBridge.Fail($"{bridge.Name} has {found}, FLANNEL_SUBNET={env.BridgeAddress}", $"systemctl stop docker; ip link delete {bridge.Name}; systemctl start docker (with --bip={env.BridgeAddress})");
    }
}
