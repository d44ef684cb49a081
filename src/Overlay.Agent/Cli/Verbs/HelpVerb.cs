namespace Overlay.Agent.Cli.Verbs;

/// <summary><c>help [VERB]</c>.</summary>
internal static class HelpVerb
{
    /// <summary>The verb.</summary>
    public static readonly Verb Verb = new("help", "[VERB]", "explain the daemon's flags, or a verb", [], Bind)
    {
        Details = "The same as --help after the verb.",
    };

    private static VerbAction Bind(VerbLine line)
    {
        if (line.Operands.Count == 0) return (console, _) => PrintAsync(console, UsageText.Create());
        if (VerbTable.Find(line.Operands, out int words) is { } verb && words == line.Operands.Count) return (console, _) => PrintAsync(console, verb.Usage());
        line.Errors.Add($"help: {VerbTable.Unknown(line.Operands) ?? "the daemon's own help is overlay-agent --help"}");
        return (_, _) => Task.FromResult(2);
    }

    private static async Task<int> PrintAsync(VerbConsole console, string text)
    {
        await console.Out.WriteAsync(text).ConfigureAwait(false);
        return 0;
    }
}
