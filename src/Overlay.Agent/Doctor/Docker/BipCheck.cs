using System.Net;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Text;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Doctor.Docker;

/// <summary>The networks of Docker's bridge against this node's addresses and routes and the overlay. Pure.</summary>
internal static class BipCheck
{
    /// <summary>All findings.</summary>
    public static IEnumerable<Finding> Judge(NodeFacts node, DockerFacts docker)
    {
        bool any = false;
        if (node is { Network: { } overlay, Underlay: { } underlay } && new[] { underlay.Address, underlay.PublicIp }.FirstOrDefault(overlay.Contains) is { } inside)
        {
            any = true;
            yield return Checks.Bip.Fail($"this node's address {inside} is inside of the overlay network {overlay}: packets to peers would go in circles", "choose another Network in etcd, or another --iface");
        }
        IPNetwork[] networks = [.. Networks(node, docker)];
        foreach (IPNetwork network in networks)
        {
            if (Clash(node, docker, network) is not { } clash) continue;
            any = true;
            yield return Checks.Bip.Fail($"{network} {clash}", node.File.Bip is { } bip ? $"give dockerd --bip={bip}; ip link delete {docker.Bridge}; systemctl restart docker" : "choose another --bip").Of(network.ToString());
        }
        if (!any) yield return networks.Length == 0 ? Checks.Bip.Skip("no bip, no bridge of Docker and no subnet yet") : Checks.Bip.Ok($"{string.Join(", ", networks)}: apart from this node's addresses and routes");
    }

    // What Docker was told, and what its bridge has: these can be two.
    private static IEnumerable<IPNetwork> Networks(NodeFacts node, DockerFacts docker)
    {
        List<IPNetwork> networks = [];
        if (docker.Bip is not null && GoLiterals.TryNetwork(docker.Bip, out IPNetwork told)) networks.Add(told);
        if (node.Host.Links.FirstOrDefault(l => l.Name == docker.Bridge) is { } bridge)
            networks.AddRange(node.AddressesOf(bridge).Select(a => GoLiterals.Masked(a.Address, a.PrefixLength)));
        if (networks.Count == 0 && node.File.Subnet is { } subnet) networks.Add(subnet);
        return networks.Distinct();
    }

    private static string? Clash(NodeFacts node, DockerFacts docker, IPNetwork network)
    {
        bool IsDockers(int link) => node.Link(link)?.Name == docker.Bridge || node.Link(link)?.Name == node.Device;
        AddressInfo? address = node.Host.Addresses.FirstOrDefault(a => !IsDockers(a.LinkIndex) && a.Address.AddressFamily == network.BaseAddress.AddressFamily
            && (network.Contains(a.Address) || GoLiterals.Masked(a.Address, a.PrefixLength).Contains(network.BaseAddress)) && !IPAddress.IsLoopback(a.Address));
        if (address is not null) return $"overlaps {address.Address}/{address.PrefixLength} of {node.Link(address.LinkIndex)?.Name}";
        RouteInfo? route = node.Host.Routes.FirstOrDefault(r => r.Destination.PrefixLength > 0 && !IsDockers(r.LinkIndex) && Overlap(r.Destination, network));
        if (route is not null) return $"overlaps the route {route.Destination} through {node.Link(route.LinkIndex)?.Name ?? "several next hops"}";
        bool isForeign = node.Network is { } overlay && Overlap(overlay, network) && node.File.Subnet is { } own && own != network;
        return isForeign ? $"is inside of the overlay {node.Network}, where this node has {node.File.Subnet}: these addresses are other nodes'" : null;
    }

    private static bool Overlap(IPNetwork a, IPNetwork b) => a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress);
}
