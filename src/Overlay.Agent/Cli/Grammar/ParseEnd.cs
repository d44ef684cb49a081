namespace Overlay.Agent.Cli.Grammar;

/// <summary>Why the reading of a command line ended.</summary>
internal enum ParseEnd
{
    /// <summary>Every argument was read.</summary>
    Complete,

    /// <summary>Help was asked for.</summary>
    Help,

    /// <summary>An argument could not be understood, so the ones after it could not be either.</summary>
    Stopped,
}
