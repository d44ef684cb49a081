using System.Buffers;
using System.Globalization;
using System.Text;

namespace Overlay.Agent.Text;

/// <summary>
/// Makes any text safe to put on one line of a terminal or a journal. Flags, files and etcd keys come from outside; a newline, an
/// escape sequence or a right-to-left mark in one of them must not forge or hide a log line.
/// </summary>
internal static class Printable
{
    // Control characters, the two Unicode line breaks and the bidirectional controls.
    private static readonly SearchValues<char> Unsafe = SearchValues.Create(
        string.Concat(Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7F, 0x21)).Select(c => (char)c))
        + "\u061C\u200E\u200F\u2028\u2029\u202A\u202B\u202C\u202D\u202E\u2066\u2067\u2068\u2069\uFEFF");

    /// <summary>The text with every unsafe character written as <c>\n</c>, <c>\t</c> or <c>\uXXXX</c>; the same instance when there is none.</summary>
    public static string Line(string text)
    {
        int first = text.AsSpan().IndexOfAny(Unsafe);
        if (first < 0) return text;
        var safe = new StringBuilder(text.Length + 16).Append(text, 0, first);
        foreach (char c in text.AsSpan(first))
        {
            if (c == '\n') safe.Append("\\n");
            else if (c == '\t') safe.Append("\\t");
            else if (Unsafe.Contains(c)) safe.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            else safe.Append(c);
        }
        return safe.ToString();
    }

    /// <summary>A value as an error message shows it: quoted, on one line, at most 80 characters.</summary>
    public static string Quote(string text) => text.Length <= 80 ? $"\"{Line(text)}\"" : $"\"{Line(text[..80])}...\"";
}
