using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Overlay.Agent.Configuration;
using Overlay.Agent.Reading;
using Overlay.Agent.Startup;
using Overlay.Encap.Linux.Files;
using Overlay.Encap.Linux.Netlink;
using Overlay.Subnet;

namespace Overlay.Agent.Docker;

/// <summary>What this host shows of Docker, without asking Docker itself.</summary>
internal sealed record DockerView
{
    /// <summary>Where dockerd reads its configuration unless told otherwise.</summary>
    public const string ConfigPath = "/etc/docker/daemon.json";

    private const int SizeLimit = 256 * 1024;

    // The first folder that holds a file of a name hides the others'.
    private static readonly string[] UnitFolders = ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

    /// <summary>The file of another daemon of this host that Docker takes its options from; null where it is this one's Docker.</summary>
    public string? AnothersFile { get; private init; }

    /// <summary>The running dockerd, or null.</summary>
    public ProcessInfo? Daemon { get; init; }

    /// <summary>The keys of its configuration file, with values safe to print; null where there is none to be had.</summary>
    public IReadOnlyDictionary<string, string>? Settings { get; init; }

    /// <summary>That file is there, and no JSON object.</summary>
    public bool IsUnreadable { get; init; }

    /// <summary>IPv4 addresses of <see cref="BridgeName"/> with their prefix lengths; null where there is no such bridge.</summary>
    public IReadOnlyList<(IPAddress Address, int PrefixLength)>? Bridge { get; init; }

    /// <summary>The files that docker.service takes its options from (<c>EnvironmentFile=</c>).</summary>
    public IReadOnlyList<string> EnvironmentFiles { get; init; } = [];

    /// <summary>The configuration file.</summary>
    public string ConfigFile => Daemon?.Option("--config-file") ?? ConfigPath;

    /// <summary>The bridge that dockerd was told to use; null for its own.</summary>
    public string? GivenBridge => Daemon?.Option("-b", "--bridge") ?? Settings?.GetValueOrDefault("bridge");

    /// <summary>The bridge that dockerd uses.</summary>
    public string BridgeName => GivenBridge ?? "docker0";

    /// <summary>An option that dockerd was given, as a flag or in its file; null for neither.</summary>
    public string? Option(string name) => Daemon?.Option("--" + name) ?? Settings?.GetValueOrDefault(name);

    /// <summary>Looks at this host. Never blocks; what cannot be read counts as not there.</summary>
    /// <param name="host">Links and addresses.</param>
    /// <param name="files">Processes, units and the configuration file.</param>
    public static DockerView Read(HostNetwork host, HostFiles files)
    {
        DockerView view = new() { Daemon = new ProcessTable(files).Named("dockerd") is [var first, ..] ? first : null };
        if (HostFile.TryReadRegular(files.At(view.ConfigFile), SizeLimit, out byte[]? json, out _)) view = view.WithSettings(json);
        LinkInfo? bridge = host.Links.FirstOrDefault(link => link.Name == view.BridgeName);
        return view with
        {
            Bridge = bridge is null ? null : [.. host.Addresses.Where(a => a.LinkIndex == bridge.Index && a.Address.AddressFamily == AddressFamily.InterNetwork).Select(a => (a.Address, a.PrefixLength))],
            EnvironmentFiles = ReadEnvironmentFiles(files),
        };
    }

    /// <summary>The same with the content of the configuration file.</summary>
    public DockerView WithSettings(ReadOnlyMemory<byte> json)
    {
        if (json.Span.TrimEnd(" \t\r\n"u8).IsEmpty) return this with { Settings = new Dictionary<string, string>() };
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return this with { IsUnreadable = true };
            Dictionary<string, string> keys = new(StringComparer.Ordinal);
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
                keys[property.Name] = LogText.Escape(property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : property.Value.GetRawText());
            return this with { Settings = keys };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return this with { IsUnreadable = true };
        }
    }

    /// <summary>Of several daemons on a host Docker takes the options of one. To the others it is a Docker without a bridge.</summary>
    /// <param name="subnetFile">subnet.env of the daemon that asks.</param>
    /// <param name="optionsFile">Its file for Docker, or null.</param>
    /// <returns>The same, unless docker.service names another daemon's file and none of these.</returns>
    public DockerView SeenBy(string subnetFile, string? optionsFile)
    {
        if (EnvironmentFiles.Any(file => file == subnetFile || file == optionsFile)) return this;
        return EnvironmentFiles.FirstOrDefault(AgentUnit.IsDockerOptions) is { } another
            ? new DockerView { AnothersFile = another, Settings = new Dictionary<string, string> { ["bridge"] = "none" } } : this;
    }

    // systemd.unit(5): the unit, then its drop-ins in the order of their names; an empty assignment drops those before.
    private static List<string> ReadEnvironmentFiles(HostFiles files)
    {
        const string Unit = "docker.service", Key = "EnvironmentFile=";
        IEnumerable<string> parts = UnitFolders.Select(folder => $"{folder}/{Unit}").Where(files.Exists).Take(1).Concat(UnitFolders
            .SelectMany(folder => files.Names($"{folder}/{Unit}.d").Select(name => (Folder: folder, Name: name)))
            .Where(part => part.Name.EndsWith(".conf", StringComparison.Ordinal)).DistinctBy(part => part.Name).OrderBy(part => part.Name, StringComparer.Ordinal)
            .Select(part => $"{part.Folder}/{Unit}.d/{part.Name}"));
        List<string> named = [];
        foreach (string line in parts.SelectMany(files.Lines).Select(line => line.Trim()).Where(line => line.StartsWith(Key, StringComparison.Ordinal)))
        {
            string file = line[Key.Length..].TrimStart('-').Trim();
            if (file.Length == 0) named.Clear();
            else named.Add(file);
        }
        return named;
    }
}
