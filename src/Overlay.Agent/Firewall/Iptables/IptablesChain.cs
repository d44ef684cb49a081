using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Firewall.Iptables;

/// <summary>A chain of ours in iptables, and the jump to it (flannel pkg/trafficmngr/iptables/iptables.go).</summary>
/// <param name="Table">Its table.</param>
/// <param name="Parent">The chain that jumps to it.</param>
/// <param name="Name">Its name.</param>
/// <param name="Comment">What flannel writes on every rule.</param>
internal sealed record IptablesChain(string Table, string Parent, string Name, string Comment)
{
    /// <summary>For masquerading.</summary>
    public static readonly IptablesChain Masquerade = new("nat", "POSTROUTING", "FLANNEL-POSTRTG", "flanneld masq");

    /// <summary>For FORWARD.</summary>
    public static readonly IptablesChain Forward = new("filter", "FORWARD", "FLANNEL-FWD", "flanneld forward");

    /// <summary>Both.</summary>
    public static readonly IReadOnlyList<IptablesChain> All = [Masquerade, Forward];

    /// <summary>The jump, as a rule of the parent.</summary>
    public string Jump => $"{Match} -j {Name}";

    /// <summary>The rules that are to stand here, as iptables-save prints them; none where the feature is off.</summary>
    public IReadOnlyList<string> Wanted(OverlayRules rules) => this == Masquerade ? MasqueradeRules(rules) : ForwardRules(rules);

    private string Match => $"-m comment --comment \"{Comment}\"";

    private IReadOnlyList<string> MasqueradeRules(OverlayRules rules)
    {
        if (!rules.Masquerade) return [];
        (string network, string subnet) = ($"{rules.Network}", $"{rules.Subnet}");
        string masquerade = rules.FullyRandom ? "MASQUERADE --random-fully" : "MASQUERADE";
        return
        [
            // kube-proxy's mark: it masquerades by itself.
            $"-m mark --mark 0x4000/0x4000 {Match} -j RETURN",
            // Ours: with this node's address a container could speak to the other nodes as one of them.
            $"-s {network} -p udp -m udp --dport {rules.Port} {Match} -j RETURN",
            $"-s {subnet} -d {network} {Match} -j RETURN",
            $"-s {network} -d {subnet} {Match} -j RETURN",
            $"! -s {network} -d {subnet} {Match} -j RETURN",
            $"-s {network} ! -d 224.0.0.0/4 {Match} -j {masquerade}",
            $"! -s {network} -d {network} {Match} -j {masquerade}",
        ];
    }

    private IReadOnlyList<string> ForwardRules(OverlayRules rules) => !rules.Forward ? [] :
        [$"-s {rules.Network} {Match} -j ACCEPT", $"-d {rules.Network} {Match} -j ACCEPT"];
}
