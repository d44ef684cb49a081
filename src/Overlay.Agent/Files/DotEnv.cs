namespace Overlay.Agent.Files;

/// <summary>
/// The part of the dotenv syntax that environment files use: <c>NAME=value</c>, an optional <c>export</c>, single or double quotes,
/// comments. A line that is none of this is passed over, and of a repeated name the last counts.
/// </summary>
internal static class DotEnv
{
    /// <summary>Reads all assignments of a text.</summary>
    public static Dictionary<string, string> Parse(string text)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (ReadOnlySpan<char> raw in text.AsSpan().TrimStart('\uFEFF').EnumerateLines())
        {
            ReadOnlySpan<char> line = raw.Trim();
            if (line.StartsWith("export ") || line.StartsWith("export\t")) line = line[7..].TrimStart();
            int equals = line.IndexOf('=');
            if (equals <= 0 || line[0] == '#') continue;
            ReadOnlySpan<char> name = line[..equals].TrimEnd();
            if (!name.ContainsAny(" \t\"'")) variables[name.ToString()] = Value(line[(equals + 1)..].TrimStart());
        }
        return variables;
    }

    private static string Value(ReadOnlySpan<char> text)
    {
        if (text.Length > 1 && text[0] is '"' or '\'')
        {
            int end = text[1..].IndexOf(text[0]);
            if (end >= 0) return text.Slice(1, end).ToString();
        }
        int comment = text.IndexOf(" #");
        return (comment < 0 ? text : text[..comment]).TrimEnd().ToString();
    }
}
