using System.Net;

namespace Overlay.Agent.Firewall.Rules;

/// <summary>
/// The content of a chain that several daemons of one host may share: flannel's names are the same for all of them. Ours is every
/// rule but those that name foreign networks only; a daemon that took those for disorder would fight with its neighbour for ever.
/// Pure; a rule is its text as the tool prints it, compared word by word.
/// </summary>
internal static class SharedChain
{
    private static readonly IPNetwork Multicast = new(IPAddress.Parse("224.0.0.0"), 4);

    /// <summary>What the chain has to hold instead; null when it is right. Empty means that nobody needs it.</summary>
    /// <param name="standing">Its rules now, in order; null where there is no such chain.</param>
    /// <param name="wanted">Our rules, in order.</param>
    /// <param name="rules">Tells our networks from others'.</param>
    /// <param name="mark">What each rule of a daemon of this kind holds; one without it is nobody's. Null for nothing.</param>
    public static IReadOnlyList<string>? Mend(IReadOnlyList<string>? standing, IReadOnlyList<string> wanted, OverlayRules rules, string? mark)
    {
        if (standing is null) return wanted.Count == 0 ? null : wanted;
        string[] others = [.. standing.Where(rule => IsAnothers(rule, rules, mark))];
        if (wanted.Count == 0)
        {
            if (others.Length == 0) return [];
            // What names no network serves the others, too.
            string[] rest = [.. standing.Where(rule => !Names(rule, rules))];
            return rest.Length == standing.Count ? null : rest;
        }
        IEnumerable<string> own = standing.Where(rule => !IsAnothers(rule, rules, mark));
        return own.Select(Words).SequenceEqual(wanted.Select(Words)) ? null : [.. wanted, .. others];
    }

    /// <summary>The words of a rule, one blank between them: tools of different age quote and space differently.</summary>
    public static string Words(string rule) => string.Join(' ', rule.Replace("\"", "", StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Whether a rule names a network of this overlay.</summary>
    public static bool Names(string rule, OverlayRules rules) => Networks(rule).Any(rules.Concerns);

    private static bool IsAnothers(string rule, OverlayRules rules, string? mark)
    {
        if (mark is not null && !rule.Contains(mark, StringComparison.Ordinal)) return false;
        IPNetwork[] networks = [.. Networks(rule)];
        return networks.Length > 0 && !networks.Any(rules.Concerns);
    }

    private static IEnumerable<IPNetwork> Networks(string rule) => rule.Split(' ')
        .Select(word => word.Contains('/', StringComparison.Ordinal) && IPNetwork.TryParse(word, out IPNetwork network) ? network : (IPNetwork?)null)
        .OfType<IPNetwork>().Where(network => network != Multicast);
}
