using Overlay.Agent.Firewall.Walk;
using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor.Firewall;

/// <summary>The firewall's rules, as iptables-save and nft list them.</summary>
/// <param name="Variants">The iptables of this host by the name of their tool (<c>iptables</c> for the one that PATH has), each with its tables; none where none could be listed.</param>
/// <param name="Problem">Why not.</param>
/// <param name="Native">The tables that were made with nft.</param>
internal sealed record FirewallFacts(IReadOnlyList<(string Tool, IReadOnlyDictionary<string, FirewallTable> Tables)> Variants, string? Problem, IReadOnlyList<NftTable> Native)
{
    private const string Current = "iptables";

    /// <summary>Lists the rules; changes none.</summary>
    public static async Task<FirewallFacts> ReadAsync(TimeProvider time, CancellationToken stop)
    {
        if (!Environment.IsPrivilegedProcess) return new FirewallFacts([], "only root may list the rules", []);
        List<(string, CommandOutput)> listed = [(Current, await SaveAsync(Current).ConfigureAwait(false))];
        // The kernel has two sets of them, and goes by both: whoever used the other tool before has left his rules there.
        CommandOutput version = await CommandOutput.RunAsync(Current, ["--version"], time, stop).ConfigureAwait(false);
        string other = version.Text?.Contains("nf_tables", StringComparison.Ordinal) == true ? "iptables-legacy" : "iptables-nft";
        listed.Add((other, await SaveAsync(other).ConfigureAwait(false)));
        return From(listed, await CommandOutput.RunAsync("nft", ["list", "ruleset"], time, stop).ConfigureAwait(false));

        Task<CommandOutput> SaveAsync(string tool) => CommandOutput.RunAsync($"{tool}-save", [], time, stop);
    }

    /// <summary>Reads what the programs printed.</summary>
    /// <param name="listed">Tools with the output of their <c>-save</c>, the one in PATH first.</param>
    /// <param name="nft">The output of <c>nft list ruleset</c>.</param>
    public static FirewallFacts From(IReadOnlyList<(string Tool, CommandOutput Output)> listed, CommandOutput nft)
    {
        (string Tool, IReadOnlyDictionary<string, FirewallTable> Tables)[] variants = [.. listed.Where(l => l.Output.Text is not null).Select(l => (l.Tool, FirewallTable.Parse(l.Output.Text!)))];
        // What iptables keeps in nftables is seen by its own tool, but for a table that has more in it than that tool can say.
        NftTable[] native = [.. NftTable.Parse(nft.Text ?? "").Where(table => !variants.Any(v => table.Name == $"ip {table.Name[3..]}" && v.Tables.ContainsKey(table.Name[3..])))];
        return new FirewallFacts(variants, variants.Length > 0 ? null : listed[0].Output.Problem, native);
    }
}
