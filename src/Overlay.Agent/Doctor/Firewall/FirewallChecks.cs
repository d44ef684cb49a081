using System.Net;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Firewall.Walk;
using Overlay.Agent.Text;

namespace Overlay.Agent.Doctor.Firewall;

/// <summary>Sends packets of the overlay through the rules, on paper. Pure.</summary>
internal static class FirewallChecks
{
    private const string FlannelChain = "FLANNEL-POSTRTG";

    /// <summary>All findings.</summary>
    /// <param name="facts">The rules.</param>
    /// <param name="node">This node.</param>
    /// <param name="peer">A peer's subnet and public address; null where none is known.</param>
    public static IEnumerable<Finding> Judge(FirewallFacts facts, NodeFacts node, (IPNetwork Subnet, IPAddress PublicIp)? peer)
    {
        if (facts.Tables is not { } tables)
        {
            string reason = facts.Problem ?? "the rules are not known";
            return [Checks.Forward.Skip(reason), Checks.Input.Skip(reason), Checks.Output.Skip(reason), Checks.Masquerade.Skip(reason)];
        }
        tables.TryGetValue("nat", out FirewallTable? nat);
        return [Forward(facts, tables, node, peer?.Subnet), .. Port(facts, tables, node, peer?.PublicIp), Masquerade(facts, nat, node, peer?.Subnet)];
    }

    private static Finding Forward(FirewallFacts facts, IReadOnlyDictionary<string, FirewallTable> tables, NodeFacts node, IPNetwork? peer)
    {
        if (node.Network is not { } network || node.File.Subnet is not { } own) return Checks.Forward.Skip("this node has no subnet yet");
        IPAddress here = HostOf(own), there = HostOf(peer ?? AnyOther(network, own));
        FirewallPacket[] ways = [new(here, there, "docker0", node.Device, "tcp"), new(there, here, node.Device, "docker0", "tcp")];
        string mend = $"let the agent do it (--iptables-forward-rules=true), or iptables -I FORWARD -s {network} -j ACCEPT; iptables -I FORWARD -d {network} -j ACCEPT";
        foreach (FirewallPacket way in ways)
        {
            if (PacketPath.Loss(tables, way, PacketPath.Forwarded) is { } loss) return Checks.Forward.Fail($"{way.In} to {way.Out} is dropped by {loss.By}", mend);
        }
        return Native(facts, "forward") is { } chain
            ? Checks.Forward.Warn($"iptables lets it through, but the nftables chain {chain} drops by policy, and accepts elsewhere do not override it", $"nft insert rule {chain} ip saddr {network} accept; nft insert rule {chain} ip daddr {network} accept")
            : Checks.Forward.Ok($"docker0 to {node.Device} and back pass");
    }

    private static IEnumerable<Finding> Port(FirewallFacts facts, IReadOnlyDictionary<string, FirewallTable> tables, NodeFacts node, IPAddress? peer)
    {
        if (node.Underlay is not { } underlay)
        {
            yield return Checks.Input.Skip("no underlay interface");
            yield return Checks.Output.Skip("no underlay interface");
            yield break;
        }
        IPAddress other = peer ?? underlay.Address;
        string rule = $"-p udp --dport {node.Port} -j ACCEPT";
        FirewallPacket arriving = new(other, underlay.Address, underlay.Link.Name, "", "udp", node.Port), leaving = new(underlay.Address, other, "", underlay.Link.Name, "udp", node.Port);
        yield return Judge(Checks.Input, PacketPath.Loss(tables, arriving, ("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "INPUT"), ("filter", "INPUT")), Native(facts, "input"), $"UDP {node.Port} from {other}", $"iptables -I INPUT {rule}");
        yield return Judge(Checks.Output, PacketPath.Loss(tables, leaving, ("raw", "OUTPUT"), ("mangle", "OUTPUT"), ("filter", "OUTPUT")), Native(facts, "output"), $"UDP {node.Port} to {other}", $"iptables -I OUTPUT {rule}");
    }

    private static Finding Judge(Check check, FirewallVerdict? verdict, string? native, string what, string mend)
    {
        if (verdict is not null) return check.Fail($"{what} is dropped by {verdict.By}", mend);
        return native is null
            ? check.Ok($"{what} passes")
            : check.Warn($"{what} passes iptables, but the nftables chain {native} drops by policy; its own rules decide", $"nft list chain {native}");
    }

    private static Finding Masquerade(FirewallFacts facts, FirewallTable? nat, NodeFacts node, IPNetwork? peer)
    {
        if (node.Network is not { } network || node.File.Subnet is not { } own) return Checks.Masquerade.Skip("this node has no subnet yet");
        bool wanted = node.File.Masquerade == true;
        int jumps = nat?.JumpsTo("POSTROUTING", FlannelChain) ?? 0;
        string mend = "systemctl restart overlay-agent";
        if (jumps > 1) return Checks.Masquerade.Fail($"POSTROUTING jumps to {FlannelChain} {jumps} times", mend);
        if (wanted && jumps == 0 && !facts.HasNftMasquerade) return Checks.Masquerade.Fail($"FLANNEL_IPMASQ=true, and POSTROUTING does not jump to {FlannelChain}: containers do not reach the world", mend);

        FirewallPacket toPeer = new(HostOf(own), HostOf(peer ?? AnyOther(network, own)), "", node.Device, "tcp");
        if (nat?.Walk("POSTROUTING", toPeer) is { Target: "MASQUERADE" or "SNAT" } hidden)
            return Checks.Masquerade.Warn($"peers see this node's address instead of a container's, by {hidden.By}", "run the agent with --ip-masq and dockerd with --ip-masq=false, as the agent's --docker-opts-file says");
        FirewallPacket toWorld = new(HostOf(own), IPAddress.Parse("192.0.2.1"), "", node.Underlay?.Link.Name ?? "", "tcp");
        bool leaves = facts.HasNftMasquerade || nat?.Walk("POSTROUTING", toWorld) is { Target: "MASQUERADE" or "SNAT" };
        return leaves || !wanted
            ? Checks.Masquerade.Ok(leaves ? "towards the world, not towards peers" : "none, and FLANNEL_IPMASQ=false: Docker masquerades for its bridge")
            : Checks.Masquerade.Fail($"FLANNEL_IPMASQ=true, and no rule of {FlannelChain} masquerades {own}", mend);
    }

    private static string? Native(FirewallFacts facts, string hook) => facts.DroppingChains.FirstOrDefault(c => c.Hook == hook).Chain;

    // The first address that a container gets.
    private static IPAddress HostOf(IPNetwork subnet)
    {
        byte[] octets = subnet.BaseAddress.GetAddressBytes();
        octets[3] |= 2;
        return new IPAddress(octets);
    }

    private static IPNetwork AnyOther(IPNetwork network, IPNetwork own)
    {
        byte[] octets = own.BaseAddress.GetAddressBytes();
        octets[2] ^= 1;
        return network.Contains(new IPAddress(octets)) ? GoLiterals.Masked(new IPAddress(octets), own.PrefixLength) : own;
    }
}
