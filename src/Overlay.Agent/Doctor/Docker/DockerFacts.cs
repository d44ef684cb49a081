using System.Net;
using Overlay.Agent.Docker;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor.Docker;

/// <summary>What this network namespace shows of Docker.</summary>
/// <param name="Daemon">The running dockerd, or null.</param>
/// <param name="DaemonJson">Content of its configuration file, or null.</param>
internal sealed record DockerFacts(ProcessInfo? Daemon, byte[]? DaemonJson)
{
    /// <summary>The bridge that dockerd uses (<c>--bridge</c>).</summary>
    public string Bridge => Daemon?.Option("-b", "--bridge") ?? "docker0";

    /// <summary>The bridge's address as dockerd was told (<c>--bip</c>), or null.</summary>
    public string? Bip => Daemon?.Option("--bip");

    /// <summary>Reads process table and file.</summary>
    public static DockerFacts Read(HostFiles files)
    {
        ProcessInfo? daemon = new ProcessTable(files).Named("dockerd") is [var first, ..] ? first : null;
        string? json = files.Text(daemon?.Option("--config-file") ?? DockerView.ConfigPath);
        return new DockerFacts(daemon, json is null ? null : System.Text.Encoding.UTF8.GetBytes(json));
    }

    /// <summary>The same as the daemon sees it at its start.</summary>
    public DockerView View(NodeFacts node)
    {
        (IPAddress, int)[]? bridge = node.Host.Links.FirstOrDefault(l => l.Name == Bridge) is { } link
            ? [.. node.AddressesOf(link).Select(a => (a.Address, a.PrefixLength))]
            : null;
        return new DockerView(DaemonJson, bridge, Daemon?.Arguments);
    }
}
