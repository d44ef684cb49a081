namespace Overlay.Agent.Firewall.Walk;

/// <summary>One table of iptables or nftables, and the way of a packet through it. What a rule here does not understand counts as not matching.</summary>
/// <param name="Policies">Policies of the built-in chains.</param>
/// <param name="Chains">The rules of each chain, in order.</param>
internal sealed record FirewallTable(IReadOnlyDictionary<string, string> Policies, IReadOnlyDictionary<string, List<FirewallRule>> Chains)
{
    private const int DeepestJump = 32;

    // These end the way through a table; all others (LOG, MARK, ...) only look or change.
    private static readonly HashSet<string> Final = ["ACCEPT", "DROP", "REJECT", "QUEUE", "NFQUEUE", "MASQUERADE", "SNAT", "DNAT", "REDIRECT", "NETMAP"];

    /// <summary>Reads all tables of what iptables-save prints.</summary>
    public static IReadOnlyDictionary<string, FirewallTable> Parse(string text)
    {
        Dictionary<string, FirewallTable> tables = new(StringComparer.Ordinal);
        Dictionary<string, string> policies = [];
        Dictionary<string, List<FirewallRule>> chains = [];
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split(' ', 3);
            if (line.StartsWith('*'))
            {
                (policies, chains) = ([], []);
                tables[line[1..].Trim()] = new FirewallTable(policies, chains);
            }
            else if (line.StartsWith(':') && words.Length > 1)
            {
                chains.TryAdd(words[0][1..], []);
                if (words[1] != "-") policies[words[0][1..]] = words[1];
            }
            else if (words[0] == "-A" && words.Length > 1)
            {
                if (!chains.TryGetValue(words[1], out List<FirewallRule>? rules)) chains[words[1]] = rules = [];
                rules.Add(FirewallRule.Parse(words.Length > 2 ? words[2] : ""));
            }
        }
        return tables;
    }

    /// <summary>What becomes of a packet that enters a built-in chain.</summary>
    public FirewallVerdict Walk(string chain, FirewallPacket packet)
    {
        string policy = Policies.GetValueOrDefault(chain, "ACCEPT");
        return Walk(chain, packet, 0) ?? new FirewallVerdict(policy, chain, null);
    }

    /// <summary>How often a chain jumps to another.</summary>
    public int JumpsTo(string from, string chain) => Chains.TryGetValue(from, out List<FirewallRule>? rules) ? rules.Count(rule => rule.Target == chain) : 0;

    private FirewallVerdict? Walk(string chain, FirewallPacket packet, int depth)
    {
        if (depth > DeepestJump || !Chains.TryGetValue(chain, out List<FirewallRule>? rules)) return null;
        foreach (FirewallRule rule in rules.Where(r => r is { IsClear: true, Target: not null } && r.Matches.All(match => match(packet))))
        {
            if (rule.Target == "RETURN") return null;
            if (Final.Contains(rule.Target!)) return new FirewallVerdict(rule.Target!, chain, rule.Text);
            if (Walk(rule.Target!, packet, depth + 1) is { } verdict) return verdict;
        }
        return null;
    }
}
