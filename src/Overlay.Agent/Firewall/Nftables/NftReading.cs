namespace Overlay.Agent.Firewall.Nftables;

/// <summary>What <c>nft list table</c> says of our table.</summary>
internal sealed class NftReading
{
    private readonly Dictionary<string, (string Hook, List<string> Rules)> _chains = [];

    private NftReading()
    {
    }

    /// <summary>Whether there is such a table.</summary>
    public bool Exists { get; private init; }

    /// <summary>No such table.</summary>
    public static NftReading Empty { get; } = new();

    /// <summary>Whether the table holds chains that are none of ours.</summary>
    public bool HasOthers => _chains.Keys.Any(name => NftChain.All.All(chain => chain.Name != name));

    /// <summary>Reads the output. Blocks of an unknown kind are passed over.</summary>
    public static NftReading Parse(string listing)
    {
        NftReading reading = new() { Exists = listing.Length > 0 };
        string? chain = null;
        foreach (string line in listing.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (line is ['c', 'h', 'a', 'i', 'n', ' ', .., '{']) reading._chains[chain = line[6..^1].Trim()] = ("", []);
            else if (line == "}") chain = null;
            else if (chain is not null && line.StartsWith("type ", StringComparison.Ordinal)) reading._chains[chain] = (line, reading._chains[chain].Rules);
            else if (chain is not null) reading._chains[chain].Rules.Add(line);
        }
        return reading;
    }

    /// <summary>The rules of a chain of ours, in order; null where there is no such chain.</summary>
    public IReadOnlyList<string>? Rules(NftChain chain) => _chains.TryGetValue(chain.Name, out var found) ? found.Rules : null;

    /// <summary>Whether the kernel calls the chain where it should.</summary>
    public bool IsHooked(NftChain chain) => _chains.TryGetValue(chain.Name, out var found) && Numbered(found.Hook) == Numbered(chain.Hook);

    // Some versions know names for the priorities, others print numbers.
    private static string Numbered(string hook) => hook
        .Replace("priority srcnat;", "priority 100;", StringComparison.Ordinal).Replace("priority filter;", "priority 0;", StringComparison.Ordinal);
}
