namespace Overlay.Agent.Cli.Verbs;

/// <summary>Every verb but <c>run</c>, in the order of the help text.</summary>
internal static class VerbTable
{
    /// <summary>The verbs.</summary>
    public static readonly IReadOnlyList<Verb> All = [CleanupVerb.Verb, HelpVerb.Verb];

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
}
