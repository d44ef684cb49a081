namespace Overlay.Agent.Cli.Grammar;

/// <summary>Finds what a misspelled name was meant to be.</summary>
internal static class Spelling
{
    /// <summary>The candidate nearest to a name, or null where none is near enough to be worth suggesting.</summary>
    public static string? Nearest(string name, IEnumerable<string> candidates)
    {
        if (name.Length > 64) return null;
        (string? best, int distance) = (null, Math.Max(2, name.Length / 4) + 1);
        foreach (string candidate in candidates)
        {
            int d = Distance(name, candidate);
            if (d < distance && d < name.Length) (best, distance) = (candidate, d);
        }
        return best;
    }

    // Edits of one character, and swaps of two neighbours (optimal string alignment).
    private static int Distance(string a, string b)
    {
        int[,] d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++) d[i, 0] = i;
        for (int j = 0; j <= b.Length; j++) d[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int cost = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];
    }
}
