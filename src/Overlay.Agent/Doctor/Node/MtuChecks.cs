using Overlay.Agent.Docker;
using Overlay.Encap.Linux.Netlink;
using Overlay.Encap.Mtu;

namespace Overlay.Agent.Doctor.Node;

/// <summary>The MTUs of underlay, overlay, Docker's bridge and the containers' links, held against each other. Pure.</summary>
internal static class MtuChecks
{
    private const int MostNamed = 5;

    /// <summary>All findings.</summary>
    /// <param name="node">This node.</param>
    /// <param name="docker">Docker, where it is this daemon's.</param>
    public static IEnumerable<Finding> Judge(NodeFacts node, DockerView docker)
    {
        if (node.OverlayMtu is not { } overlay)
        {
            const string Unknown = "no TUN device and no FLANNEL_MTU to compare with";
            return [Checks.UnderlayMtu.Skip(Unknown), Checks.BridgeMtu.Skip(Unknown), Checks.ContainerMtu.Skip(Unknown)];
        }
        return [Underlay(node, overlay), .. Bridges(node, docker, overlay), Containers(node, docker, overlay)];
    }

    private static Finding Underlay(NodeFacts node, int overlay)
    {
        if (node.Underlay is not { } underlay) return Checks.UnderlayMtu.Skip("no underlay interface");
        int room = underlay.Link.Mtu, needed = overlay + Overhead.OuterIPv4;
        string found = $"{underlay.Link.Name} {room}, overlay {overlay} + {Overhead.OuterIPv4} = {needed}";
        if (needed > room)
        {
            return Checks.UnderlayMtu.Fail($"{found}: {needed - room} bytes too many",
                $"ip link set {underlay.Link.Name} mtu {needed}, or set \"MTU\": {room} in Backend of {node.Options.Etcd.Prefix}/config with etcdctl; then systemctl restart {node.Unit.Name} docker");
        }
        bool isCapped = node.Config is { Backend.Mtu: > 0 };
        return needed < room && !isCapped
            ? Checks.UnderlayMtu.Warn($"{found}: {room - needed} bytes of each packet are given away", $"systemctl restart {node.Unit.Name} docker")
            : Checks.UnderlayMtu.Ok(found);
    }

    private static IEnumerable<Finding> Bridges(NodeFacts node, DockerView docker, int overlay)
    {
        LinkInfo[] bridges = [.. node.Host.Links.Where(l => l.Kind == "bridge" && IsOnOverlay(node, docker, l))];
        if (bridges.Length == 0) yield return Checks.BridgeMtu.Skip($"there is no {docker.BridgeName} and no other bridge in this node's subnet");
        foreach (LinkInfo bridge in bridges)
        {
            string found = $"{bridge.Name} {bridge.Mtu}, overlay {overlay}";
            string now = $"ip link set {bridge.Name} mtu {overlay}";
            string mend = docker.Option("mtu") == $"{overlay}" ? now
                : $"{now} # lasting: give dockerd --mtu={overlay} (the options of --docker-opts-file), restart Docker, and start the containers anew";
            if (bridge.Mtu == overlay) yield return Checks.BridgeMtu.Ok(found).Of(bridge.Name);
            else if (!node.Host.Links.Any(l => l.Master == bridge.Index))
                yield return Checks.BridgeMtu.Skip($"{found}, without a container yet: Docker before 25 gives its bridge --mtu with the first one (docker.flags judges that)").Of(bridge.Name);
            else if (bridge.Mtu > overlay) yield return Checks.BridgeMtu.Fail($"{found}: packets over {overlay} bytes are lost between containers and peers", mend).Of(bridge.Name);
            else yield return Checks.BridgeMtu.Warn($"{found}: smaller than need be", mend).Of(bridge.Name);
        }
    }

    // Docker gives both ends of a container's link the MTU of its network; each can be changed later, and the container sends by its own.
    private static Finding Containers(NodeFacts node, DockerView docker, int overlay)
    {
        LinkInfo[] ports = [.. node.Host.Links.Where(l => l.Kind == "veth" && l.Master is not null && (docker.AnothersFile is null || IsPortOfOverlay(l)))];
        if (ports.Length == 0) return Checks.ContainerMtu.Skip("no container is on a bridge of this host");
        LinkInfo[] tooLarge = [.. ports.Where(p => p.Mtu > overlay || Inside(p) > overlay)];
        int unseen = ports.Count(p => Inside(p) is null);
        string seen = unseen == 0 ? "at both ends" : unseen == ports.Length ? "as seen from the host" : $"{unseen} of them as seen from the host";
        if (tooLarge.Length == 0) return Checks.ContainerMtu.Ok($"{ports.Length} links of containers, {seen}, none over {overlay}");

        string named = string.Join(", ", tooLarge.Take(MostNamed).Select(Describe)) + (tooLarge.Length > MostNamed ? $" and {tooLarge.Length - MostNamed} more" : "");
        string mend = string.Join("; ", tooLarge.SelectMany(p => Mend(p, overlay)));
        return tooLarge.Any(IsPortOfOverlay)
            ? Checks.ContainerMtu.Fail($"{named}: over the overlay's {overlay}", $"{mend} # or docker restart CONTAINER, once Docker runs with --mtu={overlay}")
            : Checks.ContainerMtu.Warn($"{named}: over the overlay's {overlay}, on networks of their own, which reach peers by masquerading only",
                $"{mend} # lasting: docker network create -o com.docker.network.driver.mtu={overlay} ... for networks whose containers talk to peers");

        int? Inside(LinkInfo port) => node.Containers.TryGetValue(port.Index, out ContainerLink? end) ? end.Mtu : null;
        bool IsPortOfOverlay(LinkInfo port) => node.Link(port.Master!.Value) is { } bridge && IsOnOverlay(node, docker, bridge);
        string Describe(LinkInfo port) => Inside(port) is > 0 and var mtu && mtu > overlay
            ? $"{node.Containers[port.Index].Name} {mtu} inside of the container (process {node.Containers[port.Index].Process}) on {node.Link(port.Master!.Value)?.Name ?? "?"}"
            : $"{port.Name} {port.Mtu} on {node.Link(port.Master!.Value)?.Name ?? "?"}";
        IEnumerable<string> Mend(LinkInfo port, int mtu)
        {
            if (port.Mtu > mtu) yield return $"ip link set {port.Name} mtu {mtu}";
            if (Inside(port) > mtu) yield return $"nsenter -t {node.Containers[port.Index].Process} -n ip link set {node.Containers[port.Index].Name} mtu {mtu}";
        }
    }

    private static bool IsOnOverlay(NodeFacts node, DockerView docker, LinkInfo link) =>
        link.Name == docker.BridgeName || (node.Network is { } network && node.AddressesOf(link).Any(a => network.Contains(a.Address)));
}
