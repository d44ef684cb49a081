namespace Overlay.Agent.Cli.Grammar;

/// <summary>A value that was given for a flag.</summary>
/// <param name="Text">The value as written.</param>
/// <param name="Origin">Where it was given: the flag, or the environment variable, as messages name it.</param>
internal readonly record struct FlagValue(string Text, string Origin);
