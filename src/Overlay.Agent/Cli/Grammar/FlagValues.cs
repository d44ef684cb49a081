using Overlay.Agent.Text;

namespace Overlay.Agent.Cli.Grammar;

/// <summary>
/// What was given on the command line and in the environment, by flag. Every value in it has been checked against its flag's kind;
/// whether it makes sense is for the options. Filled by one thread, then only read.
/// </summary>
internal sealed class FlagValues
{
    private readonly Dictionary<Flag, List<FlagValue>> _given = [];

    /// <summary>The flags that were given, in no order.</summary>
    public IEnumerable<Flag> Given => _given.Keys;

    /// <summary>Whether the flag was given, by either way.</summary>
    public bool IsGiven(Flag flag) => _given.ContainsKey(flag);

    /// <summary>Takes a value. For a flag that does not repeat, the last one wins, as in Go.</summary>
    /// <returns>Null, or why the text is no value for this kind of flag.</returns>
    public string? Add(Flag flag, FlagValue value)
    {
        string shown = flag.IsSecret ? "the value" : Printable.Quote(value.Text);
        if (flag.Kind == FlagKind.Boolean && !GoLiterals.TryBoolean(value.Text, out _))
            return $"{value.Origin}: {shown} is not a boolean ({GoLiterals.BooleanSpellings})";
        if (flag.Kind == FlagKind.Integer && !GoLiterals.TryInteger(value.Text, out _))
            return $"{value.Origin}: {shown} is not a whole number";

        if (flag.Kind == FlagKind.List && _given.TryGetValue(flag, out List<FlagValue>? values)) values.Add(value);
        else _given[flag] = [value];
        return null;
    }

    /// <summary>The value in force and where it came from.</summary>
    public FlagValue Last(Flag flag) =>
        _given.TryGetValue(flag, out List<FlagValue>? values) ? values[^1] : new FlagValue(flag.Default, flag.ToString());

    /// <summary>All values of a repeatable flag, in the order given.</summary>
    public IReadOnlyList<FlagValue> All(Flag flag) => _given.TryGetValue(flag, out List<FlagValue>? values) ? values : [];

    /// <summary>The value of a boolean flag.</summary>
    public bool IsTrue(Flag flag) => GoLiterals.TryBoolean(Last(flag).Text, out bool value) && value;

    /// <summary>The value of an integer flag.</summary>
    public long Number(Flag flag) =>
        GoLiterals.TryInteger(Last(flag).Text, out long value) ? value : throw new InvalidOperationException($"{flag} is not an integer flag");
}
