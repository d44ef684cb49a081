using Overlay.Agent.Cli.Binding;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Text;

namespace Overlay.Agent.Cli.Verbs;

/// <summary>What was given to a verb, for its binder. Mistakes are collected, so that an operator mends his line once.</summary>
/// <param name="Verb">The verb itself, for messages.</param>
/// <param name="Values">Flags from the command line and the environment.</param>
/// <param name="Operands">The arguments that are no flags, in order.</param>
/// <param name="Errors">Receives one line for each mistake.</param>
internal sealed record VerbLine(Verb Verb, FlagValues Values, IReadOnlyList<string> Operands, List<string> Errors)
{
    /// <summary>Every environment variable, for the few verbs that are asked to pass some on.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Reads flag values, checked.</summary>
    public ValueReader Reader { get; } = new(Values, Errors);

    /// <summary>Checks that there are just as many operands as expected.</summary>
    /// <param name="least">How many there must be.</param>
    /// <param name="most">How many there may be.</param>
    /// <returns>Whether there are.</returns>
    public bool HasOperands(int least, int most)
    {
        if (Operands.Count < least) Errors.Add($"{Verb.Name}: {Verb.Operands} is missing");
        if (Operands.Count > most) Errors.Add($"{Verb.Name}: stray argument {Printable.Quote(Operands[most])}");
        return Operands.Count >= least && Operands.Count <= most;
    }
}
