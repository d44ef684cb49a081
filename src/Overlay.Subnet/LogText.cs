using System.Globalization;
using System.Text;

namespace Overlay.Subnet;

/// <summary>Makes text that others wrote into etcd safe for a log line: printable ASCII only, and short.</summary>
public static class LogText
{
    /// <summary>Escapes what is not printable ASCII (line feeds, NUL, right-to-left marks, ...) and cuts after so many characters.</summary>
    public static string Escape(string text, int maxLength = 80)
    {
        if (text.Length <= maxLength && !text.AsSpan().ContainsAnyExceptInRange(' ', '~') && !text.Contains('\\'))
            return text;
        var result = new StringBuilder();
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, maxLength)))
        {
            if (c is >= ' ' and <= '~' and not '\\')
                result.Append(c);
            else
                result.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }
        if (text.Length > maxLength)
            result.Append(CultureInfo.InvariantCulture, $"... ({text.Length} characters)");
        return result.ToString();
    }
}
