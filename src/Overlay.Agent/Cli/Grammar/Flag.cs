namespace Overlay.Agent.Cli.Grammar;

/// <summary>One command-line flag and all that is known of it: the parser, the help text and the options are made from this.</summary>
/// <param name="Name">The name without dashes.</param>
/// <param name="Kind">How its value is read.</param>
/// <param name="Default">The value when it is given nowhere, spelled as on the command line; empty for none.</param>
/// <param name="Placeholder">What stands for the value in the help text; empty for a boolean.</param>
/// <param name="Help">One line for the help text, without the default.</param>
internal sealed record Flag(string Name, FlagKind Kind, string Default, string Placeholder, string Help)
{
    /// <summary>The value must never be shown: not in errors, logs or the help text.</summary>
    public bool IsSecret { get; init; }

    /// <summary>Taken because flannel takes it, and without effect here: given, it earns a warning that says so.</summary>
    public bool IsIgnored { get; init; }

    /// <summary>The environment variable flannel reads for this flag.</summary>
    public string Variable { get; } = "FLANNELD_" + Name.ToUpperInvariant().Replace('-', '_');

    /// <summary>The flag as messages name it.</summary>
    public override string ToString() => "--" + Name;
}
