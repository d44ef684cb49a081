using System.Net;
using Overlay.Agent.Reading;
using Overlay.Encap.Linux.Files;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Docker;

/// <summary>What this host shows of Docker, without asking Docker itself.</summary>
/// <param name="DaemonJson">Content of <see cref="ConfigPath"/>; null where there is none to be had.</param>
/// <param name="Bridge">Addresses of docker0 with their prefix lengths, IPv4; null where there is no docker0.</param>
/// <param name="Daemon">Arguments of the running dockerd, its own name first; null where none runs.</param>
internal sealed record DockerView(byte[]? DaemonJson, IReadOnlyList<(IPAddress Address, int PrefixLength)>? Bridge, IReadOnlyList<string>? Daemon)
{
    /// <summary>Where dockerd reads its configuration unless told otherwise.</summary>
    public const string ConfigPath = "/etc/docker/daemon.json";

    private const string BridgeName = "docker0";
    private const int SizeLimit = 256 * 1024;

    /// <summary>Looks at this host. Never blocks; what cannot be read counts as not there.</summary>
    /// <exception cref="Overlay.Encap.Linux.Gate.LinuxException">The kernel refuses to answer.</exception>
    public static DockerView Read(RouteNetlink netlink)
    {
        _ = HostFile.TryReadRegular(ConfigPath, SizeLimit, out byte[]? daemonJson, out _);
        (IPAddress, int)[]? bridge = netlink.Link(BridgeName) is { } link
            ? [.. netlink.Addresses().Where(a => a.LinkIndex == link.Index && a.Address.GetAddressBytes().Length == 4).Select(a => (a.Address, a.PrefixLength))]
            : null;
        IReadOnlyList<string>? daemon = new ProcessTable(new HostFiles()).Named("dockerd") is [var first, ..] ? first.Arguments : null;
        return new DockerView(daemonJson, bridge, daemon);
    }
}
