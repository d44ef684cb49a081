using System.Net;
using Overlay.Agent.Doctor.Docker;
using Overlay.Agent.Tunnel.Routing;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Doctor.Node;

/// <summary>Agent, device, routes and subnet.env. Pure.</summary>
internal static class OverlayChecks
{
    /// <summary>All findings.</summary>
    /// <param name="node">This node.</param>
    /// <param name="peers">An address of each peer on the overlay.</param>
    public static IEnumerable<Finding> Judge(NodeFacts node, IEnumerable<IPAddress> peers) => [Agent(node), .. Device(node), Leftover(node), .. Routes(node, peers), .. File(node)];

    private static Finding Agent(NodeFacts node) => node.Agents.Count switch
    {
        0 => Checks.Agent.Fail("no overlay-agent runs in this network", $"systemctl start {node.Unit.Name}; journalctl -u {node.Unit.Name} -n 50"),
        _ when node.Agents.FirstOrDefault(a => a.IsStopped) is { } stopped => Checks.Agent.Fail($"process {stopped.Id} is stopped by a signal or a debugger: no packet passes", $"kill -CONT {stopped.Id}"),
        1 => Checks.Agent.Ok($"process {node.Agents[0].Id}, since {node.Agents[0].Started.UtcDateTime:u}"),
        _ => Checks.Agent.Ok($"{node.Agents.Count} agents: processes {string.Join(", ", node.Agents.Select(a => a.Id))}"),
    };

    private static IEnumerable<Finding> Device(NodeFacts node)
    {
        if (node.Tun is not { } tun)
        {
            yield return node.Agents.Count == 0
                ? Checks.Device.Skip($"no {node.Device}: no agent runs")
                : Checks.Device.Fail($"there is no TUN device {node.Device}", $"journalctl -u {node.Unit.Name} -n 50; {Restart(node)}");
            yield break;
        }
        IPAddress? wanted = node.File.Subnet?.BaseAddress;
        bool hasAddress = wanted is null || node.AddressesOf(tun).Any(a => a.Address.Equals(wanted));
        if (!tun.IsUp) yield return Checks.Device.Fail($"{tun.Name} is down", $"ip link set {tun.Name} up");
        else if (!hasAddress) yield return Checks.Device.Fail($"{tun.Name} lacks the address {wanted}", $"ip address add {wanted}/32 dev {tun.Name}");
        else if (node.Network is { } network && node.Host.RouteTo(FirstHost(network)) is null)
            yield return Checks.Device.Fail($"no route for {network}", $"ip route replace {network} dev {tun.Name} src {wanted}");
        else yield return Checks.Device.Ok($"{tun.Name}, up, MTU {tun.Mtu}, {wanted}");
    }

    private static Finding Leftover(NodeFacts node)
    {
        LinkInfo[] left = [.. node.Host.Links.Where(l => l.Kind == "vxlan" && (l.Name == node.Device || l.Name.StartsWith("flannel", StringComparison.Ordinal)))];
        if (left.Length == 0) return Checks.Leftover.Ok("no kernel VXLAN device of flanneld");
        string names = string.Join(", ", left.Select(l => l.Name));
        return left.Any(l => l.Name == node.Device) && node.Agents.Count == 0
            ? Checks.Leftover.Warn($"{names}: flanneld's device; the agent replaces it when it starts and keeps its MAC", $"systemctl disable --now flanneld; systemctl start {node.Unit.Name}")
            : Checks.Leftover.Fail($"{names} beside the agent", $"systemctl disable --now flanneld; ip link delete {left[0].Name}");
    }

    private static IEnumerable<Finding> Routes(NodeFacts node, IEnumerable<IPAddress> peers)
    {
        if (node.Tun is not { } tun || node.Network is not { } network)
        {
            yield return Checks.Route.Skip("no TUN device, or no overlay network known");
            yield break;
        }
        RouteInfo[] foreign = [.. OverlayRoutes.InTheWay(node.MainTable, network, node.File.Subnet, tun.Index)];
        foreach (RouteInfo route in foreign)
        {
            string way = OverlayRoutes.Describe(route, node.Host.Links);
            string mend = node.Link(route.LinkIndex)?.Name is { } link && UserNetwork.Has(link) ? UserNetwork.Removal(link) : $"ip route delete {way}";
            yield return Checks.Route.Fail($"{way} takes packets for peers away from {tun.Name}", mend).Of(route.Destination.ToString());
        }
        // Where there is no route for the network at all, the device's check says so.
        IPAddress[] ways = node.MainTable.Any(r => r.LinkIndex == tun.Index && r.Destination.Equals(network)) ? [.. peers.Where(p => !foreign.Any(r => r.Destination.Contains(p)))] : [];
        if (ways.Select(peer => Detour.Find(node.Host, peer, node.File.Subnet, tun.Index)).FirstOrDefault(detour => detour is not null) is { } detour)
            yield return Checks.Route.Fail($"{detour.What} to {network} go {detour.Way} instead of through {tun.Name}: a policy rule is in front of the main table ({detour.Shown})", $"ip rule add priority 1 to {network} lookup main # lasting: where the rule in front is made; ip rule show").Of("ip rule");
        else if (foreign.Length == 0) yield return Checks.Route.Ok($"{network} through {tun.Name}, and no other route into it");
    }

    private static IEnumerable<Finding> File(NodeFacts node)
    {
        SubnetFileFacts file = node.File;
        if (file.Problem is not null) yield return Checks.SubnetFile.Fail($"{file.Path}: {file.Problem}", $"{Restart(node)}, which writes it anew");
        else if (file.Written is null)
        {
            yield return node.Agents.Count == 0
                ? Checks.SubnetFile.Fail($"{file.Path} is missing, and no agent runs that writes it", $"systemctl start {node.Unit.Name}")
                : Checks.SubnetFile.Fail($"{file.Path} is missing", $"{Restart(node)}; journalctl -u {node.Unit.Name} -n 50");
        }
        else if (Difference(node) is { } difference) yield return Checks.SubnetFile.Fail($"{file.Path}: {difference}", $"{Restart(node)}, which writes it anew; then systemctl restart docker");
        else yield return Checks.SubnetFile.Ok($"{file.Bip} of {file.Network}, MTU {file.Mtu}, masquerade {(file.Masquerade == true ? "true" : "false")}");
    }

    private static string? Difference(NodeFacts node)
    {
        SubnetFileFacts file = node.File;
        if (node.Config is { } config && file.Network != config.Network) return $"FLANNEL_NETWORK={file.Network}, the network config says {config.Network}";
        if (file.Network is { } network && file.Subnet is { } subnet && !network.Contains(subnet.BaseAddress)) return $"FLANNEL_SUBNET={file.Bip} is outside of FLANNEL_NETWORK={network}";
        if (node.Tun is not { } tun) return null;
        if (file.Mtu != tun.Mtu) return $"FLANNEL_MTU={file.Mtu}, {tun.Name} has {tun.Mtu}";
        bool hasSubnet = node.AddressesOf(tun).Any(a => a.Address.Equals(file.Subnet?.BaseAddress));
        return hasSubnet ? null : $"FLANNEL_SUBNET={file.Bip}, {tun.Name} has {string.Join(' ', node.AddressesOf(tun).Select(a => a.Address))}";
    }

    private static string Restart(NodeFacts node) => $"systemctl restart {node.Unit.Name}";

    private static IPAddress FirstHost(IPNetwork network)
    {
        byte[] octets = network.BaseAddress.GetAddressBytes();
        octets[3] |= 1;
        return new IPAddress(octets);
    }
}
