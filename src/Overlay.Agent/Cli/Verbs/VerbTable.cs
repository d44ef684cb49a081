using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Cli.Verbs.Catalog;
using Overlay.Agent.Text;

namespace Overlay.Agent.Cli.Verbs;

/// <summary>Every verb but <c>run</c>, in the order of the help text.</summary>
internal static class VerbTable
{
    /// <summary>The verbs.</summary>
    public static readonly IReadOnlyList<Verb> All =
    [
        ConfigVerbs.Check,
        ConfigVerbs.Put,
        LeaseVerbs.List,
        LeaseVerbs.Reserve,
        LeaseVerbs.Release,
        MkDockerOptsVerb.Verb,
        DoctorVerb.Verb,
        CleanupVerb.Verb,
        HelpVerb.Verb,
    ];

    /// <summary>Finds the verb that a command line begins with.</summary>
    /// <param name="arguments">The whole line.</param>
    /// <param name="words">How many arguments its name takes.</param>
    /// <returns>The verb, or null for the daemon's flags.</returns>
    public static Verb? Find(IReadOnlyList<string> arguments, out int words)
    {
        for (words = Math.Min(2, arguments.Count); words > 0; words--)
        {
            string name = string.Join(' ', arguments.Take(words));
            if (All.FirstOrDefault(v => v.Name == name) is { } verb) return verb;
        }
        return null;
    }

    /// <summary>Says what is wrong with the words at the start of a line that are no verb.</summary>
    /// <param name="arguments">The whole line, or the words after <c>help</c>.</param>
    /// <returns>The operator's line; null where the line begins with a flag or with <c>run</c>, or is empty.</returns>
    public static string? Unknown(IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0 || arguments[0].Length == 0 || arguments[0][0] == '-' || arguments[0] is "run") return null;
        string first = arguments[0];
        string[] family = [.. All.Select(v => v.Name).Where(n => n == first || n.StartsWith(first + " ", StringComparison.Ordinal))];
        if (family.Length == 0) return Refusal(first, Spelling.Nearest(first, All.Select(v => v.Name.Split(' ')[0]).Append("run").Distinct()));

        string? second = arguments.Count > 1 && !arguments[1].StartsWith('-') ? arguments[1] : null;
        if (second is null) return $"{Printable.Quote(first)} is not a whole verb: {string.Join(", ", family)}";
        return Refusal($"{first} {second}", Spelling.Nearest($"{first} {second}", family));
    }

    private static string Refusal(string words, string? near) =>
        $"unknown verb {Printable.Quote(words)}; " + (near is null ? "overlay-agent --help names the verbs" : $"did you mean {near}?");
}
