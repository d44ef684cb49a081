using Overlay.Agent.Docker;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Files;
using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor.Docker;

/// <summary>Docker's life, settings and bridge against subnet.env; the judgement of the settings is the daemon's own. Pure.</summary>
internal static class DockerChecks
{
    /// <summary>All findings.</summary>
    /// <param name="node">This node.</param>
    /// <param name="docker">What it shows of Docker.</param>
    /// <param name="unit">Docker as a service, or null.</param>
    public static IEnumerable<Finding> Judge(NodeFacts node, DockerView docker, DockerUnit? unit)
    {
        if (docker.AnothersFile is { } another)
        {
            string whose = $"Docker takes its options from {another}, which another agent of this host writes";
            return [Checks.DockerDaemon.Skip(whose), Checks.DockerFlags.Skip(whose), Checks.DockerOrder.Skip(whose), Checks.DockerBridge.Skip(whose)];
        }
        if (node.File.Env is not { } env)
        {
            string reason = $"no usable {node.File.Path} to compare with";
            return [Daemon(docker, unit), Checks.DockerFlags.Skip(reason), Order(node, docker, []), Checks.DockerBridge.Skip(reason)];
        }
        DockerFinding[] settings = [.. DockerFindings.OfSettings(docker, env)];
        return [Daemon(docker, unit), .. Flags(docker, unit, settings, env), Order(node, docker, settings), Bridge(docker, env)];
    }

    private static Finding Daemon(DockerView docker, DockerUnit? unit)
    {
        if (unit is { IsDown: true })
            return Checks.DockerDaemon.Fail($"docker.service is {unit.Active} ({unit.Sub}){(unit.IsEnabled ? ", and enabled" : "")}", "journalctl -u docker -n 30 # names the reason; then: systemctl restart docker");
        return docker.Daemon is { } daemon ? Checks.DockerDaemon.Ok($"dockerd, process {daemon.Id}") : Checks.DockerDaemon.Skip("no dockerd runs here");
    }

    private static IEnumerable<Finding> Flags(DockerView docker, DockerUnit? unit, DockerFinding[] settings, SubnetEnv env)
    {
        bool isDown = unit is { IsDown: true };
        foreach (DockerFinding setting in settings)
        {
            string found = $"{setting.Subject} {setting.Found}";
            // What is told only of the next start is what keeps a Docker down that does not come up.
            yield return setting.Harm == DockerHarm.Breaks || (setting.Harm == DockerHarm.AtNextStart && isDown)
                ? Checks.DockerFlags.Fail(found, setting.Advice) : Checks.DockerFlags.Warn(found, setting.Advice);
        }
        if (settings.Length > 0) yield break;
        yield return docker.Daemon is null
            ? Checks.DockerFlags.Skip("no dockerd runs here, and its daemon.json says nothing against the overlay")
            : Checks.DockerFlags.Ok($"they agree with {env.BridgeAddress}, MTU {env.Mtu}, masquerading by {(env.Masquerade ? "the agent" : "Docker")}");
    }

    private static Finding Order(NodeFacts node, DockerView docker, DockerFinding[] settings)
    {
        if (docker.Daemon is not ProcessInfo daemon) return Checks.DockerOrder.Skip("no dockerd runs here");
        if (node.File.Written is not { } written) return Checks.DockerOrder.Fail($"dockerd (process {daemon.Id}) runs and {node.File.Path} does not exist", $"systemctl start {node.Unit.Name} && systemctl restart docker");
        string times = $"dockerd started {daemon.Started.UtcDateTime:u}, {node.File.Path} was written {written.UtcDateTime:u}";
        if (daemon.Started >= written) return Checks.DockerOrder.Ok(times);
        // The file is written at each start of the agent, mostly with the same values.
        if (node.File.Env is not null && settings.All(setting => setting.Harm == DockerHarm.AtNextStart)) return Checks.DockerOrder.Ok($"{times}, with the values Docker has");
        string mend = $"systemctl restart docker # and order docker.service after {node.Unit.Name}.service (After=, Wants=), as the package's drop-in does";
        string found = $"{times}: Docker started before it and has other values";
        return settings.Any(setting => setting.Harm == DockerHarm.Breaks) || node.File.Env is null ? Checks.DockerOrder.Fail(found, mend) : Checks.DockerOrder.Warn(found, mend);
    }

    private static Finding Bridge(DockerView docker, SubnetEnv env)
    {
        if (docker.Bridge is not { } addresses) return Checks.DockerBridge.Skip($"there is no {docker.BridgeName}");
        return DockerFindings.OfBridge(docker, env) is { } finding
            ? Checks.DockerBridge.Fail($"{finding.Subject} {finding.Found}", finding.Advice)
            : Checks.DockerBridge.Ok($"{docker.BridgeName} has {string.Join(' ', addresses.Select(a => $"{a.Address}/{a.PrefixLength}"))}");
    }
}
