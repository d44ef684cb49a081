using System.Text;
using Overlay.Agent.Cli.Grammar;

namespace Overlay.Agent.Cli.Verbs;

/// <summary>Something the program does besides running the daemon: once, in the foreground, for an operator or a script.</summary>
/// <param name="Name">One word or two, as typed.</param>
/// <param name="Operands">What stands after it, for the usage line; empty for nothing.</param>
/// <param name="Summary">One line: what it does.</param>
/// <param name="Flags">The flags it takes; those that the daemon has too come from the same environment variables.</param>
/// <param name="Bind">Checks what was given and returns the work; what it returns counts only where it has found no mistake.</param>
internal sealed record Verb(string Name, string Operands, string Summary, IReadOnlyList<Flag> Flags, Func<VerbLine, VerbAction> Bind)
{
    /// <summary>More for its help: what it prints, what it changes, what its exit codes mean. Lines of at most 100 characters.</summary>
    public required string Details { get; init; }

    /// <summary>Rewrites arguments that are written for another grammar than Go's; nothing by default.</summary>
    public Func<IReadOnlyList<string>, IReadOnlyList<string>> Spell { get; init; } = arguments => arguments;

    /// <summary>Reads what stands after the verb.</summary>
    public Invocation Parse(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        List<string> errors = [];
        List<string> operands = [];
        FlagValues values = new();
        ParseEnd end = GoFlagParser.Parse(Spell(arguments), Flags, values, errors, operands);
        if (end == ParseEnd.Help && errors.Count == 0) return new Invocation.Print(Usage());
        if (end != ParseEnd.Complete) return new Invocation.Refuse(errors);

        List<string> warnings = [];
        if (values.IsGiven(AgentFlags.EtcdPassword)) warnings.Add(CommandLine.PasswordInArguments);

        // The service's environment file names many flags that are none of this verb's.
        EnvironmentReader.Read(environment, [.. Flags.Where(f => AgentFlags.Inheritable.Contains(f))], values, errors, []);
        VerbAction action = Bind(new VerbLine(this, values, operands, errors) { Environment = environment });
        return errors.Count == 0 ? new Invocation.Perform(action, warnings) : new Invocation.Refuse(errors);
    }

    /// <summary>Its help.</summary>
    public string Usage()
    {
        StringBuilder text = new();
        text.Append($"overlay-agent {Name} - {Summary}\n\nusage: overlay-agent {$"{Name} {Operands}".TrimEnd()}{(Flags.Count > 0 ? " [flags]" : "")}\n\n{Details.Trim()}\n");
        if (Flags.Count > 0) text.Append("\nflags\n");
        foreach (Flag flag in Flags) text.Append(UsageText.Line(flag)).Append('\n');
        return text.ToString();
    }
}
