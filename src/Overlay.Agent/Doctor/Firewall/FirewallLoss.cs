using Overlay.Agent.Firewall.Walk;

namespace Overlay.Agent.Doctor.Firewall;

/// <summary>Where a packet of the overlay is lost.</summary>
/// <param name="By">What drops it, in words.</param>
/// <param name="Table">Table of iptables (filter, raw, mangle), or family and name of one of nftables.</param>
/// <param name="Tool">The iptables whose table it is; null for nftables.</param>
/// <param name="Chain">The built-in or base chain.</param>
/// <param name="Verdict">What decided.</param>
internal sealed record FirewallLoss(string By, string Table, string? Tool, string Chain, FirewallVerdict Verdict)
{
    /// <summary>
    /// What lets the packets through: an accept in front of what drops them in iptables' filter table; anywhere else in iptables, where
    /// an accept decides nothing for the tables to come, the rule itself has to go.
    /// </summary>
    /// <param name="matches">The accepts to make, in iptables' words and in nft's.</param>
    public string Mend(params ReadOnlySpan<(string Iptables, string Nft)> matches)
    {
        List<string> commands = [];
        if (Tool is not null && Table != "filter") return Verdict.Rule is { } rule ? $"{Tool} -t {Table} -D {Verdict.Chain} {rule}" : $"{Tool} -t {Table} -P {Chain} ACCEPT";
        foreach ((string iptables, string nft) in matches)
            commands.Add(Tool is null ? $"nft insert rule {Table} {Chain} {nft} accept" : $"{Tool} -I {Chain} {iptables} -j ACCEPT");
        return string.Join("; ", commands);
    }

    /// <summary>Looks for the first loss on a packet's way.</summary>
    /// <param name="facts">The rules.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="hooks">The hooks on its way, as nft names them.</param>
    /// <returns>A loss in iptables before one in nftables; null where it passes.</returns>
    public static FirewallLoss? Find(FirewallFacts facts, FirewallPacket packet, params ReadOnlySpan<string> hooks)
    {
        foreach ((string tool, IReadOnlyDictionary<string, FirewallTable> tables) in facts.Variants)
        {
            foreach (string hook in hooks)
            {
                foreach (string table in (string[])["raw", "mangle", "filter"])
                {
                    string chain = hook.ToUpperInvariant();
                    if (tables.TryGetValue(table, out FirewallTable? rules) && rules.Walk(chain, Seen(packet, hook)) is { IsLoss: true } loss)
                        return new FirewallLoss(tool == facts.Variants[0].Tool ? loss.By : $"{loss.By} of {tool}", table, tool, chain, loss);
                }
            }
        }
        foreach (NftTable table in facts.Native)
        {
            foreach (string hook in hooks)
            {
                foreach ((string chain, string type, _) in table.Hooks.Where(h => h.Hook == hook))
                {
                    if (type == "nat" || table.Rules.Walk(chain, Seen(packet, hook)) is not { IsLoss: true } loss) continue;
                    return new FirewallLoss(loss.Rule is null ? $"the policy of the nftables chain {table.Name} {chain}" : $"\"{loss.Rule}\" in the nftables chain {table.Name} {loss.Chain}", table.Name, null, chain, loss);
                }
            }
        }
        return null;
    }

    // Before the routing decision no packet has an interface to leave by.
    private static FirewallPacket Seen(FirewallPacket packet, string hook) => hook == "prerouting" ? packet with { Out = "" } : packet;
}
