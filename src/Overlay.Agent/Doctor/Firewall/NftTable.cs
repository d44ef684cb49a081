using System.Net;
using System.Text.RegularExpressions;
using Overlay.Agent.Firewall.Walk;

namespace Overlay.Agent.Doctor.Firewall;

/// <summary>A table that somebody made with nft. An accept of another table does not override what it drops.</summary>
/// <param name="Name">Family and name, as <c>inet filter</c>.</param>
/// <param name="Rules">Its chains and rules, in iptables' terms.</param>
/// <param name="Hooks">The chains that the kernel calls: name, type (filter, nat, route) and hook (forward, input, ...).</param>
internal sealed partial record NftTable(string Name, FirewallTable Rules, IReadOnlyList<(string Chain, string Type, string Hook)> Hooks)
{
    /// <summary>Reads the tables for IPv4 that <c>nft list ruleset</c> prints.</summary>
    public static IReadOnlyList<NftTable> Parse(string ruleset)
    {
        List<NftTable> tables = [];
        string? chain = null, block = null;
        (Dictionary<string, string> policies, Dictionary<string, List<FirewallRule>> chains, List<(string, string, string)> hooks) = ([], [], []);
        foreach (string line in Continued().Replace(ruleset, ", ").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line.StartsWith("table ", StringComparison.Ordinal))
            {
                (policies, chains, hooks) = ([], [], []);
                tables.Add(new NftTable(line[6..].Split('{')[0].Trim(), new FirewallTable(policies, chains), hooks));
            }
            else if (line.StartsWith("chain ", StringComparison.Ordinal)) chains[chain = line[6..].Split('{')[0].Trim()] = [];
            else if (chain is null && line.EndsWith('{')) block = line;   // a set, a map, a flow table
            else if (line == "}") (chain, block) = (block is null ? null : chain, null);
            else if (chain is null || line[0] == '#') continue;
            else if (Base().Match(line) is { Success: true } match)
            {
                hooks.Add((chain, match.Groups["type"].Value, match.Groups["hook"].Value));
                if (match.Groups["policy"] is { Success: true } policy) policies[chain] = policy.Value.ToUpperInvariant();
            }
            else chains[chain].Add(Rule(line));
        }
        return [.. tables.Where(table => table.Name.StartsWith("ip ", StringComparison.Ordinal) || table.Name.StartsWith("inet ", StringComparison.Ordinal))];
    }

    /// <summary>Reads one rule; what is not understood in it makes it one that does not match.</summary>
    public static FirewallRule Rule(string text)
    {
        Queue<string> words = new(Word().Matches(text).Select(match => match.Value));
        List<Predicate<FirewallPacket>> matches = [];
        while (words.TryDequeue(out string? word))
        {
            if (Target(word, words) is { } target) return new FirewallRule(text, matches, target, true);
            if (Skips(word, words)) continue;
            if (word is "ip" or "ct" or "meta" or "udp" or "tcp" or "th" && words.TryDequeue(out string? field)) word += " " + field;
            bool not = words.TryPeek(out string? sign) && sign == "!=";
            if (not) words.Dequeue();
            if (!words.TryDequeue(out string? value) || Match(word, value.Trim('{', '}', ' ').Split(',', StringSplitOptions.TrimEntries)) is not { } match)
                return new FirewallRule(text, matches, null, false);
            matches.Add(packet => match(packet) != not);
        }
        return new FirewallRule(text, matches, null, true);
    }

    private static string? Target(string word, Queue<string> words) => word switch
    {
        "accept" or "drop" or "reject" or "masquerade" or "snat" or "dnat" or "redirect" or "queue" or "return" => word.ToUpperInvariant(),
        "jump" or "goto" => words.TryDequeue(out string? chain) ? chain : null,
        _ => null,
    };

    // What only counts or tells: "counter packets 1 bytes 60", "log prefix "x" level warn", "comment "x"".
    private static bool Skips(string word, Queue<string> words)
    {
        if (word is not ("counter" or "log" or "comment")) return false;
        while (word != "comment" && words.TryPeek(out string? next) && next is "packets" or "bytes" or "prefix" or "level" or "flags" or "group")
        {
            words.Dequeue();
            words.TryDequeue(out _);
        }
        if (word == "comment") words.TryDequeue(out _);
        return true;
    }

    private static Predicate<FirewallPacket>? Match(string field, string[] values) => field switch
    {
        "ip saddr" => Networks(values) is { } sources ? p => sources.Any(n => n.Contains(p.Source)) : null,
        "ip daddr" => Networks(values) is { } destinations ? p => destinations.Any(n => n.Contains(p.Destination)) : null,
        "iifname" or "iif" => p => values.Any(v => IsLink(v, p.In)),
        "oifname" or "oif" => p => values.Any(v => IsLink(v, p.Out)),
        "meta nfproto" => _ => values.Contains("ipv4"),
        "meta l4proto" or "ip protocol" => p => values.Contains(p.Protocol),
        "udp dport" or "tcp dport" => p => p.Protocol == field[..3] && p.Port is { } port && values.Any(v => IsIn(v, port)),
        "th dport" => p => p.Port is { } port && values.Any(v => IsIn(v, port)),
        // Every packet asked about is the first of its connection.
        "ct state" => _ => values.Contains("new"),
        _ => null,
    };

    private static IPNetwork[]? Networks(string[] values)
    {
        IPNetwork?[] read = [.. values.Select(FirewallRule.Address)];
        return read.All(network => network is not null) ? [.. read.Select(network => network!.Value)] : null;
    }

    private static bool IsLink(string pattern, string name) => pattern.Trim('"') is var plain && (plain.EndsWith('*') ? FirewallRule.IsInterface(plain[..^1] + "+", name) : plain == name);

    private static bool IsIn(string range, int port)
    {
        string[] ends = range.Split('-');
        return int.TryParse(ends[0], out int first) && int.TryParse(ends[^1], out int last) && port >= first && port <= last;
    }

    [GeneratedRegex("^type (?<type>[a-z]+) hook (?<hook>[a-z]+) .*?(policy (?<policy>[a-z]+);)?$")]
    private static partial Regex Base();

    [GeneratedRegex("\"[^\"]*\"|\\{[^}]*\\}|[^\\s\"{}]+")]
    private static partial Regex Word();

    // A long set goes over several lines.
    [GeneratedRegex(",\\s*\\n\\s*")]
    private static partial Regex Continued();
}
