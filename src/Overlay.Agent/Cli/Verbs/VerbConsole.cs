namespace Overlay.Agent.Cli.Verbs;

/// <summary>The three standard streams of a verb.</summary>
/// <param name="In">What is piped in.</param>
/// <param name="Out">What was asked for, and nothing else: it may be piped on.</param>
/// <param name="Error">Progress, warnings and failures.</param>
public sealed record VerbConsole(TextReader In, TextWriter Out, TextWriter Error)
{
    /// <summary>Those of this process.</summary>
    public static VerbConsole Standard => new(Console.In, Console.Out, Console.Error)
    {
        HasOperator = !Console.IsInputRedirected && !Console.IsErrorRedirected,
    };

    /// <summary>Somebody sits at a terminal and can answer a question. False by default, as for a script.</summary>
    public bool HasOperator { get; init; }

    /// <summary>Prints a line on <see cref="Error"/> as this program's.</summary>
    public void Complain(string line) => Error.WriteLine($"overlay-agent: {line}");

    /// <summary>Gets leave for a change: by a flag given beforehand, or by asking. Where neither can be, says so.</summary>
    /// <param name="question">The question, without its end.</param>
    /// <param name="leaveGiven">The operator has said yes on the command line.</param>
    /// <param name="stop">Ends the waiting for an answer.</param>
    public async Task<bool> MayAsync(string question, bool leaveGiven, CancellationToken stop)
    {
        if (leaveGiven) return true;
        if (!HasOperator)
        {
            Complain("nothing was changed; --yes does it without asking");
            return false;
        }
        await Error.WriteAsync($"{question}? [y/N] ").ConfigureAwait(false);
        // The console's reader does not look at the token.
        string? answer = await Task.Run(In.ReadLine, stop).WaitAsync(stop).ConfigureAwait(false);
        if (answer?.Trim() is "y" or "Y" or "yes") return true;
        Complain("nothing was changed");
        return false;
    }
}
