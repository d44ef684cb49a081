using System.Text;
using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Firewall.Nftables;

/// <summary>From what stands in our table to what is wanted, as one transaction for <c>nft -f</c>. No other table is named in it. Pure.</summary>
internal static class NftPlanner
{
    /// <summary>Plans; null when all is in order.</summary>
    public static RulePlan? Plan(NftReading reading, OverlayRules rules)
    {
        StringBuilder script = new();
        List<string> changes = [];
        bool needed = reading.HasOthers;
        foreach (NftChain chain in NftChain.All)
        {
            IReadOnlyList<string>? standing = reading.Rules(chain);
            IReadOnlyList<string>? mended = SharedChain.Mend(standing, chain.Wanted(rules), rules, mark: null);
            if (mended is null && standing is { Count: > 0 } && !reading.IsHooked(chain)) mended = standing;
            needed |= (mended ?? standing ?? []).Count > 0;
            if (mended is not null) PlanChain(chain, standing, mended, script, changes);
        }
        if (reading.Exists && !needed) return new RulePlan($"delete table {NftChain.Table}\n", [$"table {NftChain.Table} removed"]);
        return changes.Count == 0 ? null : new RulePlan($"add table {NftChain.Table}\n{script}", changes);
    }

    // Made anew and not only filled: a chain of that name may hang on another hook.
    private static void PlanChain(NftChain chain, IReadOnlyList<string>? standing, IReadOnlyList<string> mended, StringBuilder script, List<string> changes)
    {
        string name = $"{NftChain.Table} {chain.Name}";
        script.Append($"add chain {name}\nflush chain {name}\ndelete chain {name}\n");
        changes.Add(mended.Count == 0 ? $"chain {name} removed"
            : standing is null ? $"chain {name} made with {mended.Count} rules"
            : $"chain {name} set to {mended.Count} rules ({standing.Count} stood there)");
        if (mended.Count == 0) return;
        script.Append($"add chain {name} {{ {chain.Hook} }}\n");
        foreach (string rule in mended) script.Append($"add rule {name} {rule}\n");
    }
}
