using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor.Node;

/// <summary>Interface, card and port of the traffic between nodes. Pure.</summary>
internal static class UnderlayChecks
{
    private static readonly string[] ChecksumFeatures = ["tx-checksum-ipv4", "tx-checksum-ip-generic"];

    /// <summary>All findings.</summary>
    public static IEnumerable<Finding> Judge(NodeFacts node) => [Interface(node), Offloads(node), .. Port(node)];

    private static Finding Interface(NodeFacts node)
    {
        if (node.Underlay is not { } underlay) return Checks.Interface.Fail(node.UnderlayProblem ?? "none", "overlay-agent doctor --iface=NAME, and the same flag for the daemon");
        string found = $"{underlay.Link.Name}, {underlay.Address}, MTU {underlay.Link.Mtu} ({underlay.Reason})"
            + (underlay.PublicIp.Equals(underlay.Address) ? "" : $", public address {underlay.PublicIp}");
        return underlay.Link.IsUp ? Checks.Interface.Ok(found) : Checks.Interface.Fail($"{found} is down", $"ip link set {underlay.Link.Name} up");
    }

    // DATAPATH, underlay profiles: what a card can do decides which tunnel is the faster one.
    private static Finding Offloads(NodeFacts node)
    {
        if (node.Underlay is not { } underlay) return Checks.Offloads.Skip("no underlay interface");
        if (node.Features is not { } on) return Checks.Offloads.Skip(node.FeaturesProblem ?? "not known");
        string card = underlay.Link.Name;
        string profile = on.Contains("tx-udp_tnl-segmentation")
            ? "profile full: the card segments tunnel packets, the kernel's own VXLAN is fast too"
            : on.Contains("tx-udp-segmentation")
                ? "profile uso: the card segments UDP but no tunnels, about twice the speed of the kernel's VXLAN"
                : "profile wire: every packet is cut to the MTU before it leaves, some 1.2 times the kernel's VXLAN, at more processor time";
        if (!ChecksumFeatures.Any(on.Contains)) return Checks.Offloads.Warn($"{card}: transmit checksums are off, each byte is summed by the processor, {profile}", $"ethtool -K {card} tx on");
        if (!on.Contains("tx-generic-segmentation")) return Checks.Offloads.Warn($"{card}: generic segmentation is off, each datagram takes the whole way through the kernel, {profile}", $"ethtool -K {card} gso on");
        if (!on.Contains("rx-gro")) return Checks.Offloads.Warn($"{card}: generic receive offload is off, datagrams arrive one by one, {profile}", $"ethtool -K {card} gro on");
        return Checks.Offloads.Ok($"{card}, {profile}");
    }

    private static IEnumerable<Finding> Port(NodeFacts node)
    {
        string port = $"UDP port {node.Port}";
        UdpSocketInfo[] foreign = [.. node.Sockets.Where(s => s.Holders.Count > 0 && !s.Holders.Any(h => node.Agents.Any(a => a.Id == h.Id)))];
        foreach (UdpSocketInfo socket in foreign)
        {
            (int id, string name) = socket.Holders[0];
            yield return Checks.Port.Fail($"{port} on {socket.Address} is held by {name} (process {id}), which is not this agent", $"ps -fp {id} # stop it, or give one of the two another Port in its network config");
        }
        if (foreign.Length > 0) yield break;
        if (node.Host.Links.FirstOrDefault(l => l.Kind == "vxlan" && l.VxlanPort == node.Port && l.Name != node.Device) is { } vxlan)
            yield return Checks.Port.Fail($"{port} belongs to the kernel device {vxlan.Name} (VNI {vxlan.VxlanId})", $"ip link delete {vxlan.Name}");
        else if (node.Sockets.Count > 0 && !node.IsPrivileged)
            yield return Checks.Port.Ok($"{port} on {node.Sockets[0].Address} is open; only root sees by whom");
        else if (node.Sockets.FirstOrDefault(s => s.Holders.Count > 0) is { } own)
            yield return Checks.Port.Ok($"{port} on {own.Address} is held by overlay-agent (process {own.Holders[0].Id})");
        else if (node.Agents.Count == 0)
            yield return Checks.Port.Skip($"nobody listens on {port}, and no agent runs");
        else
            yield return Checks.Port.Fail($"an agent runs but nobody listens on {port}: it waits for etcd, or uses another port", $"journalctl -u {node.Unit.Name} -n 50");
    }
}
