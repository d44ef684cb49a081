namespace Overlay.Agent.Hooks;

/// <summary>A program to run, with fixed arguments. No shell sees it, so nothing in it is special and blanks part the arguments.</summary>
/// <param name="Path">Absolute path of the program.</param>
/// <param name="Arguments">Its arguments.</param>
public sealed record HookCommand(string Path, IReadOnlyList<string> Arguments)
{
    /// <summary>Splits a command line at its blanks.</summary>
    /// <returns>Null when its first word is no absolute path.</returns>
    public static HookCommand? Parse(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words is [['/', ..], ..] ? new HookCommand(words[0], words[1..]) : null;
    }

    /// <summary>As it was given.</summary>
    public override string ToString() => string.Join(' ', [Path, .. Arguments]);
}
