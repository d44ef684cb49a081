namespace Overlay.Agent.Firewall.Walk;

/// <summary>What a table does with a packet.</summary>
/// <param name="Target">ACCEPT, DROP, REJECT, MASQUERADE, ...</param>
/// <param name="By">The rule that decided, or the chain's policy.</param>
internal sealed record FirewallVerdict(string Target, string By)
{
    /// <summary>The packet goes no further.</summary>
    public bool IsLoss => Target is "DROP" or "REJECT";
}
