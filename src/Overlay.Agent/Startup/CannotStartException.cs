namespace Overlay.Agent.Startup;

/// <summary>The agent cannot start, for a reason the operator can mend. The message is the one line he sees; the process exits with 1.</summary>
public sealed class CannotStartException : Exception
{
    /// <summary>With the operator's line.</summary>
    public CannotStartException(string message)
        : base(message)
    {
    }

    /// <summary>With the operator's line and what lies behind it.</summary>
    public CannotStartException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
