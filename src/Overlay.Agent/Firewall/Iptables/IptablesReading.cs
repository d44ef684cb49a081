using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Firewall.Iptables;

/// <summary>What <c>iptables-save</c> says of our chains, and of what stands in front of them.</summary>
internal sealed class IptablesReading
{
    private readonly Dictionary<IptablesChain, List<string>> _chains = [];
    private readonly List<(string Table, string Chain, string Rule)> _rules = [];
    private string _forwardPolicy = "ACCEPT";

    private IptablesReading()
    {
    }

    /// <summary>Whether a line matters here; a host may have tens of thousands that do not.</summary>
    public static bool Matters(string line) =>
        line.StartsWith('*') || line.Contains("FLANNEL-", StringComparison.Ordinal) || line.Contains("FORWARD", StringComparison.Ordinal);

    /// <summary>Reads the output, or those of its lines that matter. Lines of an unknown kind are passed over.</summary>
    public static IptablesReading Parse(string save)
    {
        IptablesReading reading = new();
        string table = "";
        foreach (string line in save.Split('\n', StringSplitOptions.TrimEntries))
        {
            string[] words = line.Split(' ', 3);
            if (line.StartsWith('*')) table = line[1..];
            else if (line.StartsWith(':') && words.Length > 1) reading.TakeChain(table, words[0][1..], words[1]);
            else if (words is ["-A", var chain, var rule]) reading._rules.Add((table, chain, rule));
        }
        foreach (IptablesChain chain in reading._chains.Keys) reading._chains[chain].AddRange(reading.RulesOf(chain.Table, chain.Name));
        return reading;
    }

    /// <summary>The rules of a chain of ours, in order; null where there is no such chain.</summary>
    public IReadOnlyList<string>? Rules(IptablesChain chain) => _chains.GetValueOrDefault(chain);

    /// <summary>How often the parent jumps to it with the very rule of ours.</summary>
    public int Jumps(IptablesChain chain) => RulesOf(chain.Table, chain.Parent).Count(rule => IsJump(rule, chain));

    /// <summary>Whether a rule of somebody else jumps to it, so that it cannot be deleted.</summary>
    public bool IsUsedByOthers(IptablesChain chain) => _rules.Any(rule =>
        rule.Table == chain.Table && Target(rule.Rule) == chain.Name && !(rule.Chain == chain.Parent && IsJump(rule.Rule, chain)));

    /// <summary>A rule of the parent that lets nothing come as far as the first jump to the chain, whoever made that; null for none.</summary>
    public string? ObstacleBefore(IptablesChain chain) => RulesOf(chain.Table, chain.Parent)
        .TakeWhile(rule => Target(rule) != chain.Name)
        .FirstOrDefault(rule => rule.StartsWith("-j DROP", StringComparison.Ordinal) || rule.StartsWith("-j REJECT", StringComparison.Ordinal));

    /// <summary>Whether FORWARD drops what no rule accepts.</summary>
    public bool ForwardDrops => _forwardPolicy == "DROP";

    private static bool IsJump(string rule, IptablesChain chain) => SharedChain.Words(rule) == SharedChain.Words(chain.Jump);

    private static string? Target(string rule)
    {
        string[] words = rule.Split(' ');
        int jump = Array.FindLastIndex(words, word => word is "-j" or "-g");
        return jump >= 0 && jump + 1 < words.Length ? words[jump + 1] : null;
    }

    private void TakeChain(string table, string name, string policy)
    {
        if (table == "filter" && name == "FORWARD") _forwardPolicy = policy;
        if (IptablesChain.All.FirstOrDefault(chain => chain.Table == table && chain.Name == name) is { } own) _chains[own] = [];
    }

    private IEnumerable<string> RulesOf(string table, string chain) => _rules.Where(rule => rule.Table == table && rule.Chain == chain).Select(rule => rule.Rule);
}
