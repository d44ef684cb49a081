using System.Text.RegularExpressions;
using Overlay.Agent.Firewall.Walk;

namespace Overlay.Agent.Doctor.Firewall;

/// <summary>The firewall's rules, as iptables-save and nft list them.</summary>
/// <param name="Tables">The tables of iptables by name, or null where they could not be listed.</param>
/// <param name="Problem">Why not.</param>
/// <param name="DroppingChains">Base chains of nftables' own tables that drop by policy, as <c>inet filter forward</c>, with their hook.</param>
/// <param name="HasNftMasquerade">nftables has flannel's table with its masquerading.</param>
internal sealed partial record FirewallFacts(
    IReadOnlyDictionary<string, FirewallTable>? Tables, string? Problem, IReadOnlyList<(string Chain, string Hook)> DroppingChains, bool HasNftMasquerade)
{
    /// <summary>Lists the rules; changes none.</summary>
    public static async Task<FirewallFacts> ReadAsync(TimeProvider time, CancellationToken stop)
    {
        if (!Environment.IsPrivilegedProcess) return new FirewallFacts(null, "only root may list the rules", [], false);
        CommandOutput rules = await CommandOutput.RunAsync("iptables-save", [], time, stop).ConfigureAwait(false);
        CommandOutput nft = await CommandOutput.RunAsync("nft", ["list", "ruleset"], time, stop).ConfigureAwait(false);
        return From(rules, nft);
    }

    /// <summary>Reads what the two programs printed.</summary>
    public static FirewallFacts From(CommandOutput rules, CommandOutput nft) => new(
        rules.Text is null ? null : FirewallTable.Parse(rules.Text), rules.Problem, [.. Dropping(nft.Text ?? "")],
        (nft.Text ?? "").Contains("table ip flannel-ipv4", StringComparison.Ordinal));

    // The tables that iptables-nft keeps are seen through iptables-save.
    private static IEnumerable<(string, string)> Dropping(string ruleset)
    {
        string table = "", chain = "";
        foreach (string line in ruleset.Split('\n'))
        {
            string text = line.Trim();
            if (text.StartsWith("table ", StringComparison.Ordinal)) table = text[6..].TrimEnd('{', ' ');
            else if (text.StartsWith("chain ", StringComparison.Ordinal)) chain = text[6..].TrimEnd('{', ' ');
            else if (BaseChain().Match(text) is { Success: true } match && match.Groups["policy"].Value == "drop" && !IsOfIptables(table))
                yield return ($"{table} {chain}", match.Groups["hook"].Value);
        }
    }

    private static bool IsOfIptables(string table) => table is "ip filter" or "ip nat" or "ip mangle" or "ip raw" or "ip6 filter" or "ip6 nat" or "ip6 mangle" or "ip6 raw";

    [GeneratedRegex("^type filter hook (?<hook>[a-z]+) .*policy (?<policy>[a-z]+);")]
    private static partial Regex BaseChain();
}
