using System.Text;
using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Firewall.Iptables;

/// <summary>
/// From what stands in iptables to what is wanted, as a text for <c>iptables-restore --noflush</c>. Nothing but our chains, jumps and accepts
/// is named in it. A jump that stands once stays where it is; one that is missing goes to the end, as flannel's does. Pure.
/// </summary>
internal static class IptablesPlanner
{
    /// <summary>Plans; null when all is in order.</summary>
    public static RulePlan? Plan(IptablesReading reading, OverlayRules rules)
    {
        StringBuilder script = new();
        List<string> changes = [];
        foreach (IptablesChain chain in IptablesChain.All) PlanChain(chain, reading, rules, script, changes);
        bool follows = changes.Count == 0;
        foreach (IptablesAccept accept in IptablesAccept.All) follows &= PlanAccept(accept, reading, rules, script, changes);
        return changes.Count == 0 ? null : new RulePlan(script.ToString(), changes) { Follows = follows };
    }

    private static void PlanChain(IptablesChain chain, IptablesReading reading, OverlayRules rules, StringBuilder script, List<string> changes)
    {
        IReadOnlyList<string>? standing = reading.Rules(chain.Table, chain.Name);
        IReadOnlyList<string>? mended = SharedChain.Mend(standing, chain.Wanted(rules), rules, "flanneld");
        int jumps = reading.Jumps(chain), wantedJumps = (mended ?? standing ?? []).Count > 0 ? 1 : 0;
        // A chain that is empty already but cannot be deleted is as good as gone.
        bool stays = mended is { Count: 0 } && standing is { Count: 0 } && reading.IsUsedByOthers(chain);
        if ((mended is null || stays) && jumps == wantedJumps) return;

        script.Append($"*{chain.Table}\n");
        // To the tool, naming a chain is to make it or to empty it.
        if (mended is not null) script.Append($":{chain.Name} - [0:0]\n");
        for (int i = wantedJumps; i < jumps; i++) script.Append($"-D {chain.Parent} {chain.Jump}\n");
        if (jumps < wantedJumps) script.Append($"-A {chain.Parent} {chain.Jump}\n");
        foreach (string rule in mended ?? []) script.Append($"-A {chain.Name} {rule}\n");
        if (mended is { Count: 0 } && !reading.IsUsedByOthers(chain)) script.Append($"-X {chain.Name}\n");
        script.Append("COMMIT\n");
        changes.Add(Describe(chain, standing, mended, jumps, wantedJumps));
    }

    // Returns whether it is in order or new, and not one that had to be set right.
    private static bool PlanAccept(IptablesAccept accept, IptablesReading reading, OverlayRules rules, StringBuilder script, List<string> changes)
    {
        if (reading.Rules(accept.Table, accept.Parent) is not { } standing) return true;
        string? wanted = accept.Wanted(rules, standing);
        string[] own = [.. standing.Where(rule => IptablesAccept.IsOwn(rule, rules))], others = [.. standing.Where(rule => !IptablesAccept.IsOwn(rule, rules))];
        bool isReached = own.Length > 0 && !standing.TakeWhile(rule => rule != own[0]).Any(rule => accept.IsTooLateAfter(rule, rules));
        if (wanted is null ? own.Length == 0 : isReached && own is [var only] && SharedChain.Words(only) == wanted) return true;

        script.Append($"*{accept.Table}\n");
        foreach (string rule in own) script.Append($"-D {accept.Parent} {rule}\n");
        int place = Array.FindIndex(others, rule => accept.IsTooLateAfter(rule, rules));
        if (wanted is not null) script.Append(place < 0 ? $"-A {accept.Parent} {wanted}\n" : $"-I {accept.Parent} {place + 1} {wanted}\n");
        script.Append("COMMIT\n");
        changes.Add($"{accept.Table}: accept in {accept.Parent} {(wanted is null ? "removed" : own.Length == 0 ? "added" : "set right")}");
        return own.Length == 0;
    }

    private static string Describe(IptablesChain chain, IReadOnlyList<string>? standing, IReadOnlyList<string>? mended, int jumps, int wantedJumps)
    {
        string content = mended switch
        {
            null => "",
            { Count: 0 } => $"chain {chain.Name} removed",
            _ when standing is null => $"chain {chain.Name} made with {mended.Count} rules",
            _ => $"chain {chain.Name} set to {mended.Count} rules ({standing.Count} stood there)",
        };
        string jump = jumps < wantedJumps ? $"jump from {chain.Parent} added" : jumps == wantedJumps ? ""
            : $"{(jumps == 1 ? "jump" : $"{jumps - wantedJumps} of {jumps} jumps")} from {chain.Parent} removed";
        return $"{chain.Table}: {string.Join(", ", new[] { content, jump }.Where(part => part.Length > 0))}";
    }
}
