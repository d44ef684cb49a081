namespace Overlay.Agent.Firewall;

/// <summary>A tool of the firewall did not do its work. The message names the tool and repeats what it said.</summary>
internal sealed class FirewallException(string message, bool passes) : Exception(message)
{
    /// <summary>Whether waiting helps: somebody else held the lock, or the machine was too busy.</summary>
    public bool Passes { get; } = passes;
}
