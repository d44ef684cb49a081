namespace Overlay.Agent.Firewall.Walk;

/// <summary>What a table does with a packet.</summary>
/// <param name="Target">ACCEPT, DROP, REJECT, MASQUERADE, ...</param>
/// <param name="Chain">The chain that decided.</param>
/// <param name="Rule">The rule that did, as it was listed; null for the chain's policy.</param>
internal sealed record FirewallVerdict(string Target, string Chain, string? Rule)
{
    /// <summary>The packet goes no further.</summary>
    public bool IsLoss => Target is "DROP" or "REJECT";

    /// <summary>The packet gets another source.</summary>
    public bool IsMasquerade => Target is "MASQUERADE" or "SNAT";

    /// <summary>What decided, in iptables' words.</summary>
    public string By => Rule is null ? $"the policy {Target} of {Chain}" : $"-A {Chain} {Rule}";
}
