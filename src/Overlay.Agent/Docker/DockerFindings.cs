using System.Globalization;
using System.Net;
using System.Text.Json;
using Overlay.Agent.Files;
using Overlay.Subnet;

namespace Overlay.Agent.Docker;

/// <summary>Judges Docker's configuration against this node's subnet. Pure; used at start of the daemon and by the doctor.</summary>
internal static class DockerFindings
{
    private const string Restart = "give dockerd the options of --docker-opts-file and restart Docker";

    // What Docker refuses beside --bip.
    private static readonly string[] Rivals = ["bridge", "fixed-cidr"];

    /// <summary>Judges all of it.</summary>
    /// <param name="docker">What the host shows.</param>
    /// <param name="env">What subnet.env says.</param>
    /// <returns>One finding for each trouble, the most telling first; none when all is well or there is no Docker.</returns>
    public static IReadOnlyList<DockerFinding> Judge(DockerView docker, SubnetEnv env)
    {
        Dictionary<string, string> file = Keys(docker.DaemonJson, out DockerFinding? broken);
        List<DockerFinding> findings = broken is null ? [] : [broken];
        findings.AddRange(OfFile(file, env));
        if (docker.Daemon is { } arguments) findings.AddRange(OfDaemon(arguments, file, env));
        if (docker.Bridge is { } bridge && !bridge.Any(a => IsOurs(a.Address, a.PrefixLength, env)))
        {
            string has = bridge.Count == 0 ? "no address" : string.Join(", ", bridge.Select(a => $"{a.Address}/{a.PrefixLength}"));
            findings.Add(new DockerFinding("docker0", $"has {has} where this node's subnet is {env.BridgeAddress}: its containers are not on the overlay",
                $"{Restart}; should docker0 keep its address, delete it while Docker is stopped (ip link delete docker0)"));
        }
        return findings;
    }

    // Docker refuses to start with a directive in both places, even where the values agree.
    private static IEnumerable<DockerFinding> OfFile(Dictionary<string, string> file, SubnetEnv env)
    {
        foreach ((string key, string wanted) in new[] { ("bip", env.BridgeAddress), ("mtu", Number(env.Mtu)), ("ip-masq", env.Masquerade ? "false" : "true") })
        {
            if (!file.TryGetValue(key, out string? value)) continue;
            string judgement = value == wanted ? "which agrees with this node's subnet today" : $"where this node's is {wanted}";
            yield return new DockerFinding(
                $"{DockerView.ConfigPath}: {key}", $"is {value}, {judgement}; Docker does not start when it is given as a flag as well",
                $"remove {key} from {DockerView.ConfigPath}, so that the flag from --docker-opts-file counts, and restart Docker");
        }
        foreach (string key in Rivals.Where(file.ContainsKey))
        {
            if (key == "fixed-cidr" && IPNetwork.TryParse(file[key], out IPNetwork range) && range.PrefixLength >= env.Subnet.PrefixLength && env.Subnet.Contains(range.BaseAddress)) continue;
            yield return new DockerFinding($"{DockerView.ConfigPath}: {key}", $"is {file[key]}, which does not go with --bip={env.BridgeAddress}",
                $"remove {key} from {DockerView.ConfigPath}, and restart Docker");
        }
    }

    private static IEnumerable<DockerFinding> OfDaemon(IReadOnlyList<string> arguments, Dictionary<string, string> file, SubnetEnv env)
    {
        string? bip = Flag(arguments, "bip"), mtu = Flag(arguments, "mtu");
        if (bip is not null && bip != env.BridgeAddress)
            yield return new DockerFinding("dockerd --bip", $"is {LogText.Escape(bip)} where this node's subnet is {env.BridgeAddress}: Docker was started with another", Restart);
        string? effective = mtu ?? file.GetValueOrDefault("mtu");
        if (!int.TryParse(effective, NumberStyles.None, CultureInfo.InvariantCulture, out int bytes))
        {
            bool known = effective is not null;
            if (known || env.Mtu < 1500)
                yield return new DockerFinding("dockerd --mtu", $"{(known ? $"is {LogText.Escape(effective!)}" : "is not given, so containers get 1500")} where the overlay carries {env.Mtu}: pings work and transfers hang", Restart);
        }
        else if (bytes > env.Mtu)
        {
            yield return new DockerFinding("dockerd --mtu", $"is {bytes} where the overlay carries {env.Mtu}: pings work and transfers hang", Restart);
        }
    }

    private static string? Flag(IReadOnlyList<string> arguments, string name)
    {
        string? value = null;
        for (int i = 1; i < arguments.Count; i++)
        {
            if (arguments[i] == $"--{name}" && i + 1 < arguments.Count) value = arguments[i + 1];
            else if (arguments[i].StartsWith($"--{name}=", StringComparison.Ordinal)) value = arguments[i][(name.Length + 3)..];
        }
        return value;
    }

    private static Dictionary<string, string> Keys(byte[]? daemonJson, out DockerFinding? broken)
    {
        Dictionary<string, string> keys = [];
        broken = null;
        if (daemonJson is null || daemonJson.AsSpan().TrimEnd(" \t\r\n"u8).IsEmpty) return keys;
        try
        {
            using JsonDocument document = JsonDocument.Parse(daemonJson);
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new JsonException();
            foreach (JsonProperty property in document.RootElement.EnumerateObject()) keys[property.Name] = LogText.Escape(property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : property.Value.GetRawText());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            broken = new DockerFinding(DockerView.ConfigPath, "is not a JSON object: Docker does not start with it", "mend it; dockerd --validate tells where it breaks");
        }
        return keys;
    }

    private static bool IsOurs(IPAddress address, int prefixLength, SubnetEnv env) => $"{address}/{prefixLength}" == env.BridgeAddress;

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
