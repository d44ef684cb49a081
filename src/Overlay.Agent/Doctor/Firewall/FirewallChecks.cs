using System.Net;
using Overlay.Agent.Docker;
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
    /// <param name="docker">Docker, where it is this daemon's.</param>
    /// <param name="peer">A peer's subnet and public address; null where none is known.</param>
    public static IEnumerable<Finding> Judge(FirewallFacts facts, NodeFacts node, DockerView docker, (IPNetwork Subnet, IPAddress PublicIp)? peer)
    {
        if (facts.Variants.Count == 0 && facts.Native.Count == 0)
        {
            string reason = facts.Problem ?? "the rules are not known";
            return [Checks.Forward.Skip(reason), Checks.Input.Skip(reason), Checks.Output.Skip(reason), Checks.Masquerade.Skip(reason)];
        }
        return [Forward(facts, node, docker, peer?.Subnet), .. Port(facts, node, peer?.PublicIp), Masquerade(facts, node, docker, peer?.Subnet)];
    }

    private static Finding Forward(FirewallFacts facts, NodeFacts node, DockerView docker, IPNetwork? peer)
    {
        if (node.Network is not { } network || node.File.Subnet is not { } own) return Checks.Forward.Skip("this node has no subnet yet");
        if (Bridge(node, docker) is not { } bridge) return Checks.Forward.Skip("no bridge of containers is in this node's subnet");
        IPAddress there = HostOf(peer ?? AnyOther(network, own));
        foreach (IPAddress here in Containers(facts, own))
        {
            FirewallPacket[] ways = [new(here, there, bridge, node.Device, "tcp"), new(there, here, node.Device, bridge, "tcp")];
            foreach (FirewallPacket way in ways)
            {
                if (FirewallLoss.Find(facts, way, "prerouting", "forward") is not { } loss) continue;
                string found = $"{way.In} to {way.Out} is dropped by {loss.By}";
                if (IsDockersOwn(loss, bridge)) return Checks.Forward.Fail($"{found}: Docker 28 and newer lets nobody but {bridge} speak to a container, accepts in FORWARD come too late",
                    $"iptables -t raw -I PREROUTING -d {network} -i {node.Device} -j ACCEPT # lasting: let the agent do it (--iptables-forward-rules=true)");
                string mend = loss.Mend(($"-s {network}", $"ip saddr {network}"), ($"-d {network}", $"ip daddr {network}"));
                return loss.Tool is not null ? Checks.Forward.Fail(found, $"{mend} # lasting: let the agent do it (--iptables-forward-rules=true)")
                    : Checks.Forward.Warn($"{found}; accepts elsewhere do not override it", IsFirewalld(loss) ? $"firewall-cmd --permanent --zone=trusted --add-interface={node.Device}; firewall-cmd --reload" : mend);
            }
        }
        return Checks.Forward.Ok($"{bridge} to {node.Device} and back pass");
    }

    private static IEnumerable<Finding> Port(FirewallFacts facts, NodeFacts node, IPAddress? peer)
    {
        if (node.Underlay is not { } underlay) return [Checks.Input.Skip("no underlay interface"), Checks.Output.Skip("no underlay interface")];
        IPAddress other = peer ?? underlay.Address;
        FirewallPacket arriving = new(other, underlay.Address, underlay.Link.Name, "", "udp", node.Port), leaving = new(underlay.Address, other, "", underlay.Link.Name, "udp", node.Port);
        return
        [
            Of(Checks.Input, FirewallLoss.Find(facts, arriving, "prerouting", "input"), $"UDP {node.Port} from {other}"),
            Of(Checks.Output, FirewallLoss.Find(facts, leaving, "output"), $"UDP {node.Port} to {other}"),
        ];

        Finding Of(Check check, FirewallLoss? loss, string what)
        {
            if (loss is null) return check.Ok($"{what} passes");
            string mend = loss.Mend(($"-p udp --dport {node.Port}", $"udp dport {node.Port}"));
            return loss.Tool is not null ? check.Fail($"{what} is dropped by {loss.By}", mend)
                : check.Warn($"{what} is dropped by {loss.By}; accepts elsewhere do not override it", IsFirewalld(loss) ? $"firewall-cmd --permanent --add-port={node.Port}/udp; firewall-cmd --reload" : mend);
        }
    }

    private static Finding Masquerade(FirewallFacts facts, NodeFacts node, DockerView docker, IPNetwork? peer)
    {
        if (node.Network is not { } network || node.File.Subnet is not { } own) return Checks.Masquerade.Skip("this node has no subnet yet");
        bool wanted = node.File.Masquerade == true;
        int[] jumps = [.. facts.Variants.Select(v => v.Tables.TryGetValue("nat", out FirewallTable? nat) ? nat.JumpsTo("POSTROUTING", FlannelChain) : 0)];
        string mend = $"systemctl restart {node.Unit.Name}";
        if (jumps.Any(count => count > 1)) return Checks.Masquerade.Fail($"POSTROUTING jumps to {FlannelChain} {jumps.Max()} times", mend);

        FirewallPacket toPeer = new(HostOf(own), HostOf(peer ?? AnyOther(network, own)), "", node.Device, "tcp");
        if (Hidden(facts, toPeer) is { } hidden)
            return Checks.Masquerade.Warn($"peers see this node's address instead of a container's, by {hidden.By}", "run the agent with --ip-masq and dockerd with --ip-masq=false, as the agent's --docker-opts-file says");
        FirewallPacket toWorld = new(HostOf(own), IPAddress.Parse("192.0.2.1"), "", node.Underlay?.Link.Name ?? "", "tcp");
        if (Hidden(facts, toWorld) is not null) return Checks.Masquerade.Ok("towards the world, not towards peers");
        if (wanted)
        {
            return Checks.Masquerade.Fail(jumps.Sum() == 0 ? $"FLANNEL_IPMASQ=true, and POSTROUTING does not jump to {FlannelChain}: containers do not reach the world"
                : $"FLANNEL_IPMASQ=true, and no rule of {FlannelChain} masquerades {own}", mend);
        }
        return docker.Daemon is null ? Checks.Masquerade.Ok("none, and FLANNEL_IPMASQ=false: Docker masquerades for its bridge when it runs")
            : Checks.Masquerade.Fail($"nobody masquerades {own}: FLANNEL_IPMASQ=false, and Docker has no rule for it: containers do not reach the world", "systemctl restart docker # with the options of --docker-opts-file; or run the agent with --ip-masq");
    }

    private static FirewallVerdict? Hidden(FirewallFacts facts, FirewallPacket packet)
    {
        IEnumerable<FirewallVerdict> verdicts = facts.Variants.Where(v => v.Tables.ContainsKey("nat")).Select(v => v.Tables["nat"].Walk("POSTROUTING", packet))
            .Concat(facts.Native.SelectMany(table => table.Hooks.Where(h => h is { Type: "nat", Hook: "postrouting" }).Select(h => table.Rules.Walk(h.Chain, packet))));
        return verdicts.FirstOrDefault(verdict => verdict.IsMasquerade);
    }

    // The interface that containers are behind.
    private static string? Bridge(NodeFacts node, DockerView docker) => docker.AnothersFile is null ? docker.BridgeName
        : node.Host.Links.FirstOrDefault(link => link.Kind == "bridge" && node.AddressesOf(link).Any(a => node.File.Subnet?.Contains(a.Address) == true))?.Name;

    // Those that rules before routing are about (Docker has one for each container), and the first address that a container gets.
    private static IEnumerable<IPAddress> Containers(FirewallFacts facts, IPNetwork own) => facts.Variants
        .Where(v => v.Tables.ContainsKey("raw")).SelectMany(v => v.Tables["raw"].Chains.GetValueOrDefault("PREROUTING", []))
        .Select(rule => rule.Destination).OfType<IPNetwork>().Where(d => d.PrefixLength == 32 && own.Contains(d.BaseAddress)).Select(d => d.BaseAddress)
        .Append(HostOf(own)).Distinct();

    private static bool IsDockersOwn(FirewallLoss loss, string bridge) => loss.Table == "raw" && loss.Verdict.Rule?.Contains($"! -i {bridge} ", StringComparison.Ordinal) == true;

    private static bool IsFirewalld(FirewallLoss loss) => loss.Table == "inet firewalld";

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
