using System.Net;
using System.Text;
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
        return new DockerView(daemonJson, bridge, FindDaemon());
    }

    // Processes come and go while we look. A Docker within a container, or in another network namespace, has docker0 of its own.
    private static string[]? FindDaemon()
    {
        string? network = NetworkOf("/proc/self");
        foreach (string folder in Directory.EnumerateDirectories("/proc").Where(f => char.IsAsciiDigit(f["/proc/".Length])))
        {
            try
            {
                if (File.ReadAllText($"{folder}/comm").TrimEnd() != "dockerd" || (NetworkOf(folder) is { } other && other != network)) continue;
                string line = Encoding.UTF8.GetString(File.ReadAllBytes($"{folder}/cmdline"));
                if (line.Length > 0) return line.TrimEnd('\0').Split('\0');
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended, or is hidden from us.
            }
        }
        return null;
    }

    private static string? NetworkOf(string process) => new FileInfo($"{process}/ns/net").LinkTarget;
}
