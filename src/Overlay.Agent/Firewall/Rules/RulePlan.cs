namespace Overlay.Agent.Firewall.Rules;

/// <summary>What it takes to bring the rules in order.</summary>
/// <param name="Script">For one run of the tool, which applies it whole or not at all (iptables: table by table).</param>
/// <param name="Changes">The same in words, for log and operator.</param>
internal sealed record RulePlan(string Script, IReadOnlyList<string> Changes)
{
    /// <summary>Rules that others have made since ask for it; of ours none needs to have been lost.</summary>
    public bool Follows { get; init; }
}
