using System.Net;
using Overlay.Agent.Docker;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Text;
using Overlay.Encap.Linux.Netlink;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Doctor.Docker;

/// <summary>The networks of Docker's bridges against this node's addresses and routes, its peers and the overlay. Pure.</summary>
internal static class BipCheck
{
    /// <summary>All findings.</summary>
    /// <param name="node">This node.</param>
    /// <param name="docker">Its Docker.</param>
    /// <param name="peers">The peers' addresses on the underlay.</param>
    public static IEnumerable<Finding> Judge(NodeFacts node, DockerView docker, IReadOnlyList<IPAddress> peers)
    {
        bool any = false;
        if (node is { Network: { } overlay, Underlay: { } underlay } && new[] { underlay.Address, underlay.PublicIp }.FirstOrDefault(overlay.Contains) is { } inside)
        {
            any = true;
            yield return Checks.Bip.Fail($"this node's address {inside} is inside of the overlay network {overlay}: packets to peers would go in circles", "choose another Network in etcd, or another --iface");
        }
        foreach (AddressInfo address in Strays(node, docker))
        {
            any = true;
            string? link = node.Link(address.LinkIndex)?.Name;
            yield return Checks.Bip.Fail($"{address.Address}/{address.PrefixLength} of {link} is inside of the overlay {node.Network}: what is meant for another node's container of that address ends here",
                UserNetwork.Has(link) ? UserNetwork.Removal(link!) : $"ip address del {address.Address}/{address.PrefixLength} dev {link}").Of($"{address.Address}");
        }
        foreach (AddressInfo bridge in node.Host.Addresses.Where(a => UserNetwork.Has(node.Link(a.LinkIndex)?.Name)))
        {
            if (OfUser(node, bridge, peers) is not { } finding) continue;
            any = true;
            yield return finding.Of($"{NetworkOf(bridge)}");
        }
        IPNetwork[] networks = [.. Networks(node, docker)];
        foreach (IPNetwork network in networks)
        {
            Finding? finding = Clash(node, docker, network, peers) is { } clash
                ? Checks.Bip.Fail($"{network} {clash}", node.File.Bip is { } bip ? $"give dockerd --bip={bip}; ip link delete {docker.BridgeName}; systemctl restart docker" : "choose another --bip")
                : Around(node, docker, network) is { } around
                    ? Checks.Bip.Warn($"{network} {around}", $"choose a Network in {node.Options.Etcd.Prefix}/config that nobody around uses, or be sure that nobody has an address of {node.Network}")
                    : null;
            if (finding is null) continue;
            any = true;
            yield return finding.Of(network.ToString());
        }
        if (!any) yield return networks.Length == 0 ? Checks.Bip.Skip("no bip, no bridge of Docker and no subnet yet") : Checks.Bip.Ok($"{string.Join(", ", networks)}: apart from this node's addresses and routes");
    }

    // The kernel takes packets to an address of its own wherever that stands, loopback included.
    private static IEnumerable<AddressInfo> Strays(NodeFacts node, DockerView docker) => node is not { Network: { } overlay, File.Subnet: { } own } ? [] : node.Host.Addresses.Where(a =>
        overlay.Contains(a.Address) && !own.Contains(a.Address) && !IsDockers(node, docker, a.LinkIndex) && !a.Address.Equals(node.Underlay?.Address) && !a.Address.Equals(node.Underlay?.PublicIp));

    // What Docker was told, and what its bridge has: these can be two.
    private static IEnumerable<IPNetwork> Networks(NodeFacts node, DockerView docker)
    {
        List<IPNetwork> networks = [];
        if (docker.Option("bip") is { } bip && GoLiterals.TryNetwork(bip, out IPNetwork told)) networks.Add(told);
        if (node.Host.Links.FirstOrDefault(l => l.Name == docker.BridgeName) is { } bridge)
            networks.AddRange(node.AddressesOf(bridge).Select(a => GoLiterals.Masked(a.Address, a.PrefixLength)));
        if (networks.Count == 0 && node.File.Subnet is { } subnet) networks.Add(subnet);
        return networks.Distinct();
    }

    private static string? Clash(NodeFacts node, DockerView docker, IPNetwork network, IReadOnlyList<IPAddress> peers)
    {
        bool isLeased = IsLeased(node, network);
        AddressInfo? address = Others(node, docker, network).FirstOrDefault(a => network.Contains(a.Address) || (!isLeased && NetworkOf(a).Contains(network.BaseAddress)));
        if (address is not null) return $"overlaps {address.Address}/{address.PrefixLength} of {node.Link(address.LinkIndex)?.Name}";
        if (Holds(network, peers) is { } peer) return peer;
        // A wider route keeps all but what this node has leased: that is as it should be.
        RouteInfo? route = node.Host.Routes.FirstOrDefault(r => r.Destination.PrefixLength > 0 && !IsDockers(node, docker, r.LinkIndex) && r.Destination.Overlaps(network)
            && !(isLeased && r.Destination.PrefixLength < network.PrefixLength));
        if (route is not null) return $"overlaps the route {route.Destination} through {node.Link(route.LinkIndex)?.Name ?? "several next hops"}";
        bool isForeign = node.Network is { } overlay && overlay.Overlaps(network) && node.File.Subnet is { } own && own != network;
        return isForeign ? $"is inside of the overlay {node.Network}, where this node has {node.File.Subnet}: these addresses are other nodes'" : null;
    }

    // Docker looks at this node's routes before it chooses, but it knows nothing of peers behind a router, nor of a --subnet that was wrong.
    private static Finding? OfUser(NodeFacts node, AddressInfo bridge, IReadOnlyList<IPAddress> peers)
    {
        IPNetwork network = NetworkOf(bridge);
        string name = node.Link(bridge.LinkIndex)!.Name, what = $"{network} of Docker's network on {name}", mend = UserNetwork.Removal(name);
        AddressInfo? around = node.Host.Addresses.FirstOrDefault(a => a.LinkIndex != bridge.LinkIndex && NetworkOf(a).Overlaps(network));
        if (around is not null && network.Contains(around.Address))
            return Checks.Bip.Fail($"{what} overlaps {around.Address}/{around.PrefixLength} of {node.Link(around.LinkIndex)?.Name}: this node does not find its neighbours there", mend);
        if (Holds(network, peers) is { } peer) return Checks.Bip.Fail($"{what} {peer}", mend);
        return around is null ? null : Checks.Bip.Warn($"{what} is inside of {NetworkOf(around)} of {node.Link(around.LinkIndex)?.Name}: hosts there with such an address cannot be reached", mend);
    }

    private static string? Holds(IPNetwork network, IReadOnlyList<IPAddress> peers) =>
        peers.FirstOrDefault(network.Contains) is { } peer ? $"has the address {peer} of a peer inside: what is sent there stays on this node" : null;

    private static string? Around(NodeFacts node, DockerView docker, IPNetwork network) =>
        Others(node, docker, network).FirstOrDefault(a => NetworkOf(a).Contains(network.BaseAddress)) is { } address
            ? $"is inside of {NetworkOf(address)} of {node.Link(address.LinkIndex)?.Name}: hosts there with an address of the overlay cannot be reached"
            : null;

    private static IEnumerable<AddressInfo> Others(NodeFacts node, DockerView docker, IPNetwork network) => node.Host.Addresses.Where(a =>
        !IsDockers(node, docker, a.LinkIndex) && a.Address.AddressFamily == network.BaseAddress.AddressFamily && !IPAddress.IsLoopback(a.Address));

    private static bool IsDockers(NodeFacts node, DockerView docker, int link) => node.Link(link)?.Name is { } name && (name == docker.BridgeName || name == node.Device);

    private static bool IsLeased(NodeFacts node, IPNetwork network) =>
        node.File.Subnet is { } own && own.PrefixLength <= network.PrefixLength && own.Contains(network.BaseAddress);

    private static IPNetwork NetworkOf(AddressInfo address) => GoLiterals.Masked(address.Address, address.PrefixLength);
}
