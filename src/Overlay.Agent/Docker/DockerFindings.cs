using System.Globalization;
using System.Net;
using Overlay.Agent.Files;
using Overlay.Agent.Text;
using Overlay.Subnet;

namespace Overlay.Agent.Docker;

/// <summary>Judges Docker's configuration against this node's subnet. Pure; used at start of the daemon and by the doctor.</summary>
internal static class DockerFindings
{
    private const int DockersMtu = 1500;
    private const string Restart = "give dockerd the options of --docker-opts-file and restart Docker";

    // What Docker refuses beside --bip.
    private static readonly string[] Rivals = ["bridge", "fixed-cidr"];

    /// <summary>Judges what Docker was and will be given.</summary>
    /// <param name="docker">What the host shows.</param>
    /// <param name="env">What subnet.env says.</param>
    /// <returns>One finding for each trouble, the most telling first; none when all is well or there is no Docker.</returns>
    public static IEnumerable<DockerFinding> OfSettings(DockerView docker, SubnetEnv env)
    {
        if (docker.IsUnreadable)
            yield return new DockerFinding(DockerHarm.AtNextStart, docker.ConfigFile, "is not a JSON object: Docker does not start with it", "mend it; dockerd --validate tells where it breaks");
        foreach (DockerFinding finding in OfFile(docker, env)) yield return finding;
        if (docker.Daemon is null) yield break;
        foreach (DockerFinding? finding in new[] { Bip(docker, env), Mtu(docker, env), Masquerade(docker, env) })
        {
            if (finding is not null) yield return finding;
        }
    }

    /// <summary>Judges the bridge.</summary>
    /// <returns>Null when it has this node's address, or there is none.</returns>
    public static DockerFinding? OfBridge(DockerView docker, SubnetEnv env)
    {
        if (docker.Bridge is not { } bridge || HasOurs(docker, env)) return null;
        string has = bridge.Count == 0 ? "no address" : string.Join(", ", bridge.Select(a => $"{a.Address}/{a.PrefixLength}"));
        string name = LogText.Escape(docker.BridgeName);
        return new DockerFinding(DockerHarm.Breaks, name, $"has {has} where this node's subnet is {env.BridgeAddress}: its containers are not on the overlay",
            $"{Restart}; should {name} keep its address: systemctl stop docker; ip link delete {name}; systemctl start docker");
    }

    // Docker refuses to start with a directive in both places, even where the values agree.
    private static IEnumerable<DockerFinding> OfFile(DockerView docker, SubnetEnv env)
    {
        if (docker.Settings is not { } file) yield break;
        string path = LogText.Escape(docker.ConfigFile);
        foreach ((string key, string wanted) in new[] { ("bip", env.BridgeAddress), ("mtu", Number(env.Mtu)), ("ip-masq", env.Masquerade ? "false" : "true") })
        {
            if (!file.TryGetValue(key, out string? value)) continue;
            string judgement = value == wanted ? "which agrees with this node's subnet today" : $"where this node's is {wanted}";
            yield return new DockerFinding(DockerHarm.AtNextStart,
                $"{path}: {key}", $"is {value}, {judgement}; Docker does not start when it is given as a flag as well",
                $"remove {key} from {path}, so that the flag from --docker-opts-file counts, and restart Docker");
        }
        foreach (string key in Rivals.Where(file.ContainsKey))
        {
            if (key == "fixed-cidr" && IPNetwork.TryParse(file[key], out IPNetwork range) && range.PrefixLength >= env.Subnet.PrefixLength && env.Subnet.Contains(range.BaseAddress)) continue;
            yield return new DockerFinding(DockerHarm.AtNextStart, $"{path}: {key}", $"is {file[key]}, which does not go with --bip={env.BridgeAddress}",
                $"remove {key} from {path}, and restart Docker");
        }
    }

    private static DockerFinding? Bip(DockerView docker, SubnetEnv env)
    {
        const string Subject = "dockerd --bip";
        string? bip = docker.Option("bip");
        if (bip == env.BridgeAddress) return null;
        if (bip is not null) return new DockerFinding(DockerHarm.Breaks, Subject, $"is {LogText.Escape(bip)} where this node's subnet is {env.BridgeAddress}: Docker was started with another", Restart);
        if (docker.GivenBridge is not null) return null;   // it is somebody else's then, and its address is judged for itself
        string found = $"is not given where this node's subnet is {env.BridgeAddress}";
        return HasOurs(docker, env)
            ? new DockerFinding(DockerHarm.Slight, Subject, $"{found}: docker0 has it from before, until the next boot", Restart)
            : new DockerFinding(DockerHarm.Breaks, Subject, $"{found}: Docker takes a network of its own", Restart);
    }

    private static DockerFinding? Mtu(DockerView docker, SubnetEnv env)
    {
        const string Subject = "dockerd --mtu";
        string? given = docker.Option("mtu");
        if (given is not null && !int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            return new DockerFinding(DockerHarm.Breaks, Subject, $"is {LogText.Escape(given)} where the overlay carries {env.Mtu}", Restart);
        int mtu = given is null or "0" ? DockersMtu : int.Parse(given, CultureInfo.InvariantCulture);
        string found = given is null ? $"is not given, so containers get {mtu}," : $"is {mtu}";
        if (mtu > env.Mtu) return new DockerFinding(DockerHarm.Breaks, Subject, $"{found} where the overlay carries {env.Mtu}: pings work and transfers hang", Restart);
        return mtu == env.Mtu ? null : new DockerFinding(DockerHarm.Slight, Subject, $"{found} where the overlay carries {env.Mtu}: smaller than need be", Restart);
    }

    // Docker does unless told otherwise.
    private static DockerFinding? Masquerade(DockerView docker, SubnetEnv env)
    {
        const string Subject = "dockerd --ip-masq";
        bool masquerades = !GoLiterals.TryBoolean(docker.Option("ip-masq") ?? "", out bool told) || told;
        if (masquerades != env.Masquerade) return null;
        return masquerades
            ? new DockerFinding(DockerHarm.Slight, Subject, "is on and so is the agent's (FLANNEL_IPMASQ=true): peers see this node's address instead of a container's", Restart)
            : new DockerFinding(DockerHarm.Slight, Subject, "is off and so is the agent's (FLANNEL_IPMASQ=false): nobody masquerades towards the world, unless a rule of yours does", Restart);
    }

    private static bool HasOurs(DockerView docker, SubnetEnv env) => docker.Bridge?.Any(a => $"{a.Address}/{a.PrefixLength}" == env.BridgeAddress) == true;

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
