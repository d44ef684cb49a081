using System.Globalization;
using Overlay.Agent.Reading;
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
    public static IReadOnlyDictionary<int, ContainerLink> Read(IReadOnlyList<LinkInfo> links, HostFiles files, ProcessTable processes)
    {
        Dictionary<int, ContainerLink> found = [];
        Dictionary<int, LinkInfo> ports = links.Where(link => link is { Kind: "veth", Master: not null }).ToDictionary(link => link.Index);
        if (ports.Count == 0) return found;
        foreach (int process in processes.OfOtherNetworks())
        {
            string folder = $"/proc/{process}/root/{Folder}";
            foreach (string name in files.Names(folder))
            {
                if (Number(files, $"{folder}/{name}/iflink") is not { } peer || !ports.TryGetValue(peer, out LinkInfo? port)) continue;
                // Indices count within a network: both ends must name each other, or it is another link that has the number by chance.
                if (Number(files, $"/{Folder}/{port.Name}/iflink") is { } back && back != Number(files, $"{folder}/{name}/ifindex")) continue;
                if (Number(files, $"{folder}/{name}/mtu") is { } mtu) found.TryAdd(peer, new ContainerLink(name, mtu, process));
            }
        }
        return found;
    }

    private static int? Number(HostFiles files, string path) => int.TryParse(files.Value(path), CultureInfo.InvariantCulture, out int number) ? number : null;
}
