using System.Net;

namespace Overlay.Agent.Firewall.Walk;

/// <summary>One rule of an iptables chain, as far as it is understood here.</summary>
/// <param name="Text">The rule as iptables-save writes it.</param>
/// <param name="Matches">What a packet must be; empty takes all.</param>
/// <param name="Target">ACCEPT, DROP, a chain, ...; null for none.</param>
/// <param name="IsClear">False where a match stands in it that is not understood here: it is then passed over.</param>
internal sealed record FirewallRule(string Text, IReadOnlyList<Predicate<FirewallPacket>> Matches, string? Target, bool IsClear)
{
    /// <summary>The one destination that it is about, or null.</summary>
    public IPNetwork? Destination { get; init; }

    /// <summary>Reads the part after <c>-A CHAIN</c>.</summary>
    public static FirewallRule Parse(string text)
    {
        List<Predicate<FirewallPacket>> matches = [];
        string? target = null;
        bool clear = true;
        IPNetwork? about = null;
        List<string> words = Words(text);
        for (int i = 0; i < words.Count; i++)
        {
            bool not = words[i] == "!";
            if (not) i++;
            if (i >= words.Count) break;
            string option = words[i];
            string value = i + 1 < words.Count ? words[i + 1] : "";
            if (option is "-j" or "-g")
            {
                target = value;
                break;   // what follows is the target's
            }
            i++;
            if (option is "-m" or "--comment") continue;
            if (option == "-d" && !not) about = Address(value);
            if (Match(option, value) is { } match) matches.Add(packet => match(packet) != not);
            else clear = false;
        }
        return new FirewallRule(text, matches, target, clear) { Destination = about };
    }

    private static Predicate<FirewallPacket>? Match(string option, string value) => option switch
    {
        "-s" => Address(value) is { } source ? p => source.Contains(p.Source) : null,
        "-d" => Address(value) is { } destination ? p => destination.Contains(p.Destination) : null,
        "-i" => p => IsInterface(value, p.In),
        "-o" => p => IsInterface(value, p.Out),
        "-p" => p => value == "all" || value == p.Protocol,
        "--dport" or "--dports" => p => p.Port is { } port && value.Split(',').Any(range => IsIn(range, port)),
        // Every packet asked about is the first of its connection.
        "--ctstate" or "--state" => _ => value.Split(',').Contains("NEW"),
        _ => null,
    };

    internal static IPNetwork? Address(string text) =>
        IPNetwork.TryParse(text.Contains('/') ? text : text + "/32", out IPNetwork network) ? network : null;

    internal static bool IsInterface(string pattern, string name) =>
        pattern.EndsWith('+') ? name.StartsWith(pattern[..^1], StringComparison.Ordinal) : pattern == name;

    private static bool IsIn(string range, int port)
    {
        string[] ends = range.Split(':');
        return int.TryParse(ends[0], out int first) && int.TryParse(ends[^1], out int last) && port >= first && port <= last;
    }

    private static List<string> Words(string text)
    {
        List<string> words = [];
        int i = 0;
        while (i < text.Length)
        {
            if (text[i] == ' ')
            {
                i++;
                continue;
            }
            bool quoted = text[i] == '"';
            int start = quoted ? i + 1 : i;
            int end = start;
            while (end < text.Length && (quoted ? text[end] != '"' || text[end - 1] == '\\' : text[end] != ' ')) end++;
            words.Add(text[start..end]);
            i = end + 1;
        }
        return words;
    }
}
