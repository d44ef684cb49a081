using Overlay.Agent.Text;

namespace Overlay.Agent.Cli.Grammar;

/// <summary>
/// Reads <c>FLANNELD_*</c> as flannel does: a flag on the command line beats it, an empty value counts as absent, a repeatable flag
/// gets one element. Ours: a bad value is an error that names the variable, where flannel logs it and goes on without.
/// </summary>
internal static class EnvironmentReader
{
    private const string Prefix = "FLANNELD_";

    /// <summary>Adds what the environment gives for the flags that are not in <paramref name="values"/> yet.</summary>
    /// <param name="environment">All variables.</param>
    /// <param name="known">The flags to look up.</param>
    /// <param name="values">Receives the good values.</param>
    /// <param name="errors">Receives one line for each bad value.</param>
    /// <param name="warnings">Receives one line for each variable that looks like a flag's and is not, such as a misspelled one.</param>
    public static void Read(
        IReadOnlyDictionary<string, string> environment, IReadOnlyList<Flag> known, FlagValues values, List<string> errors, List<string> warnings)
    {
        foreach (Flag flag in known)
        {
            if (values.IsGiven(flag) || !environment.TryGetValue(flag.Variable, out string? text) || text.Length == 0) continue;
            string? error = values.Add(flag, new FlagValue(text, flag.Variable));
            if (error is not null) errors.Add(error);
        }

        foreach (string name in environment.Keys.Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            if (known.Any(f => f.Variable == name)) continue;
            string? near = Spelling.Nearest(name, known.Select(f => f.Variable));
            warnings.Add($"environment variable {Printable.Line(name)} belongs to no flag and is ignored" + (near is null ? "" : $"; did you mean {near}?"));
        }
    }
}
