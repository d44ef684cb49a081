using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Firewall;

/// <summary>What a look at the rules has brought.</summary>
/// <param name="Plan">What it takes to bring them in order; null when they are.</param>
/// <param name="Obstacle">Somebody else's rule or policy that ours cannot overcome, and what helps, in words; null for none.</param>
internal sealed record FirewallFinding(RulePlan? Plan, string? Obstacle);
