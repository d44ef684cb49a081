using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Configuration;

namespace Overlay.Agent.Cli;

/// <summary>What a command line asks for.</summary>
public abstract record Invocation
{
    private Invocation()
    {
    }

    /// <summary>Run the daemon.</summary>
    /// <param name="Options">The checked options.</param>
    /// <param name="Given">What was given and where, for the log; secrets as <c>***</c>.</param>
    /// <param name="Warnings">What was given without effect, or unwisely; one line each, for the log.</param>
    public sealed record Run(AgentOptions Options, string Given, IReadOnlyList<string> Warnings) : Invocation;

    /// <summary>Print a text on standard output and exit 0 (help, version).</summary>
    /// <param name="Text">The text, with line ends.</param>
    public sealed record Print(string Text) : Invocation;

    /// <summary>Do what a verb asks for, once, and exit with what it returns.</summary>
    /// <param name="Action">Its work, with every argument bound and checked.</param>
    /// <param name="Warnings">What was given without effect, or unwisely; one line each, for standard error.</param>
    public sealed record Perform(VerbAction Action, IReadOnlyList<string> Warnings) : Invocation;

    /// <summary>Print the mistakes on standard error and exit 2.</summary>
    /// <param name="Errors">One line for each mistake, naming the flag or variable; at least one.</param>
    public sealed record Refuse(IReadOnlyList<string> Errors) : Invocation;
}
