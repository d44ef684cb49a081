using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Firewall;

/// <summary>One of the kernel's two ways to hold rules, through its tool. Used by one caller at a time.</summary>
internal interface IFirewall
{
    /// <summary>What it is called in messages.</summary>
    string Name { get; }

    /// <summary>Reads what stands, in one run of the tool, and says what it takes to have it as wanted. Changes nothing.</summary>
    /// <exception cref="FirewallException">The tool fails.</exception>
    Task<FirewallFinding> LookAsync(OverlayRules rules, CancellationToken stop);

    /// <summary>Carries a plan out, in one run of the tool.</summary>
    /// <exception cref="FirewallException">The tool fails; of what it was told in one transaction nothing is done.</exception>
    Task ApplyAsync(RulePlan plan, CancellationToken stop);
}
