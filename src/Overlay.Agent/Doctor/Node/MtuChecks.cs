using Overlay.Encap.Linux.Netlink;
using Overlay.Encap.Mtu;

namespace Overlay.Agent.Doctor.Node;

/// <summary>The MTUs of underlay, overlay, Docker's bridge and the containers' ports, held against each other. Pure.</summary>
internal static class MtuChecks
{
    private const int MostNamed = 5;

    /// <summary>All findings.</summary>
    public static IEnumerable<Finding> Judge(NodeFacts node)
    {
        if (node.OverlayMtu is not { } overlay)
        {
            const string Unknown = "no TUN device and no FLANNEL_MTU to compare with";
            return [Checks.UnderlayMtu.Skip(Unknown), Checks.BridgeMtu.Skip(Unknown), Checks.ContainerMtu.Skip(Unknown)];
        }
        return [Underlay(node, overlay), .. Bridges(node, overlay), Containers(node, overlay)];
    }

    private static Finding Underlay(NodeFacts node, int overlay)
    {
        if (node.Underlay is not { } underlay) return Checks.UnderlayMtu.Skip("no underlay interface");
        int room = underlay.Link.Mtu, needed = overlay + Overhead.OuterIPv4;
        string found = $"{underlay.Link.Name} {room}, overlay {overlay} + {Overhead.OuterIPv4} = {needed}";
        if (needed > room)
        {
            return Checks.UnderlayMtu.Fail($"{found}: {needed - room} bytes too many",
                $"ip link set {underlay.Link.Name} mtu {needed}, or set \"MTU\": {room} in Backend of {node.Options.Etcd.Prefix}/config with etcdctl; then systemctl restart overlay-agent docker");
        }
        bool isCapped = node.Config is { Backend.Mtu: > 0 };
        return needed < room && !isCapped
            ? Checks.UnderlayMtu.Warn($"{found}: {room - needed} bytes of each packet are given away", "systemctl restart overlay-agent docker")
            : Checks.UnderlayMtu.Ok(found);
    }

    private static IEnumerable<Finding> Bridges(NodeFacts node, int overlay)
    {
        LinkInfo[] bridges = [.. node.Host.Links.Where(l => l.Kind == "bridge" && (l.Name == "docker0" || IsOnOverlay(node, l)))];
        if (bridges.Length == 0) yield return Checks.BridgeMtu.Skip("there is no docker0 and no other bridge in this node's subnet");
        foreach (LinkInfo bridge in bridges)
        {
            string found = $"{bridge.Name} {bridge.Mtu}, overlay {overlay}";
            string mend = $"give dockerd --mtu={overlay} (overlay-agent writes it with --docker-opts-file), systemctl restart docker, and start the containers anew";
            if (bridge.Mtu > overlay) yield return Checks.BridgeMtu.Fail($"{found}: packets over {overlay} bytes are lost between containers and peers", mend).Of(bridge.Name);
            else if (bridge.Mtu < overlay) yield return Checks.BridgeMtu.Warn($"{found}: smaller than need be", mend).Of(bridge.Name);
            else yield return Checks.BridgeMtu.Ok(found).Of(bridge.Name);
        }
    }

    // Docker gives both ends of a container's link the MTU of its network, so the end on the bridge speaks for the container.
    private static Finding Containers(NodeFacts node, int overlay)
    {
        LinkInfo[] ports = [.. node.Host.Links.Where(l => l.Kind == "veth" && l.Master is not null)];
        if (ports.Length == 0) return Checks.ContainerMtu.Skip("no container is on a bridge of this host");
        LinkInfo[] tooLarge = [.. ports.Where(p => p.Mtu > overlay)];
        if (tooLarge.Length == 0) return Checks.ContainerMtu.Ok($"{ports.Length} ports of containers, none over {overlay}");

        string named = string.Join(", ", tooLarge.Take(MostNamed).Select(p => $"{p.Name} {p.Mtu} on {node.Link(p.Master!.Value)?.Name ?? "?"}"))
            + (tooLarge.Length > MostNamed ? $" and {tooLarge.Length - MostNamed} more" : "");
        bool isOnOverlay = tooLarge.Any(p => node.Link(p.Master!.Value) is { } bridge && (bridge.Name == "docker0" || IsOnOverlay(node, bridge)));
        return isOnOverlay
            ? Checks.ContainerMtu.Fail($"{named}: over the overlay's {overlay}", $"restart these containers once Docker runs with --mtu={overlay}: docker restart CONTAINER")
            : Checks.ContainerMtu.Warn($"{named}: over the overlay's {overlay}, on networks of their own, which reach peers by masquerading only",
                $"docker network create -o com.docker.network.driver.mtu={overlay} ... for networks whose containers talk to peers");
    }

    private static bool IsOnOverlay(NodeFacts node, LinkInfo link) =>
        node.Network is { } network && node.AddressesOf(link).Any(a => network.Contains(a.Address));
}
