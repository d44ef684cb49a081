namespace Overlay.Agent.Cli.Verbs;

/// <summary>The three standard streams of a verb.</summary>
/// <param name="In">What is piped in.</param>
/// <param name="Out">What was asked for, and nothing else: it may be piped on.</param>
/// <param name="Error">Progress, warnings and failures.</param>
public sealed record VerbConsole(TextReader In, TextWriter Out, TextWriter Error)
{
    /// <summary>Those of this process.</summary>
    public static VerbConsole Standard => new(Console.In, Console.Out, Console.Error);
}
