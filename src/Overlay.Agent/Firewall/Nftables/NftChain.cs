using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Firewall.Nftables;

/// <summary>A chain of ours in nftables (flannel pkg/trafficmngr/nftables/nftables.go).</summary>
/// <param name="Name">Its name.</param>
/// <param name="Hook">Where the kernel calls it, as <c>nft list</c> prints it.</param>
internal sealed record NftChain(string Name, string Hook)
{
    /// <summary>The table of both, family included.</summary>
    public const string Table = "ip flannel-ipv4";

    /// <summary>For masquerading.</summary>
    public static readonly NftChain Masquerade = new("postrtg", "type nat hook postrouting priority srcnat; policy accept;");

    /// <summary>For forwarding.</summary>
    public static readonly NftChain Forward = new("forward", "type filter hook forward priority filter; policy accept;");

    /// <summary>Both.</summary>
    public static readonly IReadOnlyList<NftChain> All = [Masquerade, Forward];

    /// <summary>
    /// The rules that are to stand here, as <c>nft list</c> prints them; none where the feature is off. They mean what the iptables
    /// flavour means: the third condition of flannel's own for nftables catches what the last is to masquerade.
    /// </summary>
    public IReadOnlyList<string> Wanted(OverlayRules rules) => this == Masquerade ? MasqueradeRules(rules) : ForwardRules(rules);

    private static IReadOnlyList<string> MasqueradeRules(OverlayRules rules)
    {
        if (!rules.Masquerade) return [];
        (string network, string subnet) = ($"{rules.Network}", $"{rules.Subnet}");
        string masquerade = rules.FullyRandom ? "masquerade fully-random" : "masquerade";
        return
        [
            "meta mark 0x00004000 return",
            $"ip saddr {network} udp dport {rules.Port} return",
            $"ip saddr {subnet} ip daddr {network} return",
            $"ip saddr {network} ip daddr {subnet} return",
            $"ip saddr != {network} ip daddr {subnet} return",
            $"ip saddr {network} ip daddr != 224.0.0.0/4 {masquerade}",
            $"ip saddr != {network} ip daddr {network} {masquerade}",
        ];
    }

    private static IReadOnlyList<string> ForwardRules(OverlayRules rules) =>
        !rules.Forward ? [] : [$"ip saddr {rules.Network} accept", $"ip daddr {rules.Network} accept"];
}
