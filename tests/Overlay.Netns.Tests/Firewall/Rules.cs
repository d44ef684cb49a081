using System.Text.RegularExpressions;
using Overlay.Netns.Tests.Network;

namespace Overlay.Netns.Tests.Firewall;

/// <summary>The rules of a host, read with the tools themselves.</summary>
internal static partial class Rules
{
    /// <summary>What iptables-save prints, without comments and counters.</summary>
    public static string Saved(Host host, string tool = "iptables-save") =>
        Counters().Replace(string.Join('\n', host.Namespace.Must(tool).Split('\n').Where(line => !line.StartsWith('#'))), "[0:0]");

    /// <summary>Our chains and jumps in there, in their order.</summary>
    public static string[] Ours(Host host, string tool = "iptables-save") => [.. Saved(host, tool).Split('\n').Where(line => line.Contains("FLANNEL-", StringComparison.Ordinal))];

    /// <summary>Our table in nftables; empty where there is none.</summary>
    public static string[] OurTable(Host host)
    {
        (int exitCode, string output) = host.Namespace.Run("nft", "list", "table", "ip", "flannel-ipv4");
        return exitCode == 0 ? [.. output.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)] : [];
    }

    /// <summary>What has to stand in iptables for a node of 10.1.0.0/16.</summary>
    public static string[] Expected(SubnetFile file) =>
    [
        ":FLANNEL-FWD - [0:0]",
        "-A FORWARD -m comment --comment \"flanneld forward\" -j FLANNEL-FWD",
        $"-A FLANNEL-FWD -s {file.Network} -m comment --comment \"flanneld forward\" -j ACCEPT",
        $"-A FLANNEL-FWD -d {file.Network} -m comment --comment \"flanneld forward\" -j ACCEPT",
        ":FLANNEL-POSTRTG - [0:0]",
        "-A POSTROUTING -m comment --comment \"flanneld masq\" -j FLANNEL-POSTRTG",
        "-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment \"flanneld masq\" -j RETURN",
        $"-A FLANNEL-POSTRTG -s {file.Network} -p udp -m udp --dport 8472 -m comment --comment \"flanneld masq\" -j RETURN",
        $"-A FLANNEL-POSTRTG -s {file.Subnet} -d {file.Network} -m comment --comment \"flanneld masq\" -j RETURN",
        $"-A FLANNEL-POSTRTG -s {file.Network} -d {file.Subnet} -m comment --comment \"flanneld masq\" -j RETURN",
        $"-A FLANNEL-POSTRTG ! -s {file.Network} -d {file.Subnet} -m comment --comment \"flanneld masq\" -j RETURN",
        $"-A FLANNEL-POSTRTG -s {file.Network} ! -d 224.0.0.0/4 -m comment --comment \"flanneld masq\" -j MASQUERADE --random-fully",
        $"-A FLANNEL-POSTRTG ! -s {file.Network} -d {file.Network} -m comment --comment \"flanneld masq\" -j MASQUERADE --random-fully",
    ];

    /// <summary>And in nftables.</summary>
    public static string[] ExpectedTable(SubnetFile file) =>
    [
        "table ip flannel-ipv4 {",
        "chain postrtg {",
        "type nat hook postrouting priority srcnat; policy accept;",
        "meta mark 0x00004000 return",
        $"ip saddr {file.Network} udp dport 8472 return",
        $"ip saddr {file.Subnet} ip daddr {file.Network} return",
        $"ip saddr {file.Network} ip daddr {file.Subnet} return",
        $"ip saddr != {file.Network} ip daddr {file.Subnet} return",
        $"ip saddr {file.Network} ip daddr != 224.0.0.0/4 masquerade fully-random",
        $"ip saddr != {file.Network} ip daddr {file.Network} masquerade fully-random",
        "}",
        "chain forward {",
        "type filter hook forward priority filter; policy accept;",
        $"ip saddr {file.Network} accept",
        $"ip daddr {file.Network} accept",
        "}",
        "}",
    ];

    [GeneratedRegex(@"\[\d+:\d+\]")]
    private static partial Regex Counters();
}
