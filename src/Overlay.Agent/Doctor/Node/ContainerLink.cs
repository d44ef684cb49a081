using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Overlay.Agent.Reading;
using Overlay.Agent.Startup;
using Overlay.Agent.Text;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Doctor.Node;

/// <summary>A container's end of its link, as its own sysfs shows it: what MTU the container itself sends with.</summary>
/// <param name="Name">Its name within the container, mostly eth0.</param>
/// <param name="Mtu">Its MTU, bytes.</param>
/// <param name="Process">A process in the container's network.</param>
internal sealed record ContainerLink(string Name, int Mtu, int Process)
{
    private const string Folder = "sys/class/net";

    /// <summary>Looks into the networks of other processes through their root folders, without entering any; only root can.</summary>
    /// <returns>By the index of the port on this side.</returns>
    public static IReadOnlyDictionary<int, ContainerLink> Read(HostNetwork host, HostFiles files, ProcessTable processes)
    {
        Dictionary<int, ContainerLink> found = [];
        Dictionary<int, LinkInfo> ports = host.Links.Where(link => link is { Kind: "veth", Master: not null }).ToDictionary(link => link.Index);
        if (ports.Count == 0) return found;
        string? ownMounts = files.LinkTarget("/proc/self/ns/mnt");
        foreach (int process in processes.OfOtherNetworks())
        {
            // Who has our mounts has our sysfs, of another network than his own.
            if (ownMounts is not null && files.LinkTarget($"/proc/{process}/ns/mnt") == ownMounts) continue;
            string folder = $"/proc/{process}/root/{Folder}";
            foreach (string name in files.Names(folder))
            {
                if (Number(files, $"{folder}/{name}/iflink") is not { } peer || !ports.TryGetValue(peer, out LinkInfo? port)) continue;
                // Indices count within a network: both ends must name each other and be in one subnet, or another link has the number by chance.
                if (Number(files, $"/{Folder}/{port.Name}/iflink") is { } back && back != Number(files, $"{folder}/{name}/ifindex")) continue;
                if (!IsOnBridge(host, port.Master!.Value, files.Lines($"/proc/{process}/net/route").Select(line => line.Split('\t')).Where(fields => fields[0] == name))) continue;
                if (Number(files, $"{folder}/{name}/mtu") is { } mtu) found.TryAdd(peer, new ContainerLink(name, mtu, process));
            }
        }
        return found;
    }

    // "eth0 000F010A 00000000 0001 ...": the destination as a number of this machine.
    private static bool IsOnBridge(HostNetwork host, int bridge, IEnumerable<string[]> routes)
    {
        string[] networks = [.. host.Addresses.Where(a => a.LinkIndex == bridge && a.Address.AddressFamily == AddressFamily.InterNetwork)
            .Select(a => MemoryMarshal.Read<uint>(GoLiterals.Masked(a.Address, a.PrefixLength).BaseAddress.GetAddressBytes()).ToString("X8", CultureInfo.InvariantCulture))];
        return networks.Length == 0 || routes.Any(fields => fields.Length > 1 && networks.Contains(fields[1]));
    }

    private static int? Number(HostFiles files, string path) => int.TryParse(files.Value(path), CultureInfo.InvariantCulture, out int number) ? number : null;
}
