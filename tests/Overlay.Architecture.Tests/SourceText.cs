using System.Text.RegularExpressions;

namespace Overlay.Architecture.Tests;

/// <summary>C# text as the rules look at it.</summary>
internal static partial class SourceText
{
    /// <summary>
    /// The code without comments, strings and characters, so that a word in prose breaks no rule. Code in the holes of an
    /// interpolated string goes with the string.
    /// </summary>
    public static string CodeOnly(string source) => NotCode().Replace(source, " ");

    /// <summary>The number of lines, where a final line end begins no new line.</summary>
    public static int LineCount(string source) => source.TrimEnd('\n').Split('\n').Length;

    // Order matters: the raw string before the plain one, the verbatim string (which ends at a lone quote) before both.
    [GeneratedRegex(""""
        //[^\n]* | /\*.*?\*/ | \$*"""(.*?)"""+ | (?:@\$?|\$@)"(?:[^"]|"")*" | \$?"(?:\\.|[^"\\\n])*" | '(?:\\.[^']*|[^'\\\n])'
        """", RegexOptions.Singleline | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex NotCode();
}
