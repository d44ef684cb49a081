namespace Overlay.Agent.Cli.Grammar;

/// <summary>How Go's flag package reads a flag's value.</summary>
internal enum FlagKind
{
    /// <summary>Any text; the last one given counts.</summary>
    Text,

    /// <summary>Stands alone or takes <c>=value</c>; never takes the next argument.</summary>
    Boolean,

    /// <summary>A 64-bit integer in any of Go's notations.</summary>
    Integer,

    /// <summary>Text that may be given many times; each one counts, in order.</summary>
    List,
}
