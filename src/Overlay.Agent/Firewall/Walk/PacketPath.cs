namespace Overlay.Agent.Firewall.Walk;

/// <summary>The built-in chains that a packet passes on its way through this host, and the first that loses it. Pure.</summary>
internal static class PacketPath
{
    /// <summary>From one interface to another.</summary>
    public static readonly (string Table, string Chain)[] Forwarded = [("raw", "PREROUTING"), ("mangle", "PREROUTING"), ("mangle", "FORWARD"), ("filter", "FORWARD")];

    /// <summary>What loses a packet; null where nothing does. Each table has its say in turn.</summary>
    /// <param name="tables">The tables by name; one that is missing lets all pass.</param>
    /// <param name="packet">The packet, with both interfaces.</param>
    /// <param name="way">Chains in the order in which they are passed.</param>
    public static FirewallVerdict? Loss(IReadOnlyDictionary<string, FirewallTable> tables, FirewallPacket packet, params ReadOnlySpan<(string Table, string Chain)> way)
    {
        foreach ((string table, string chain) in way)
        {
            // Before the routing decision no packet has an interface to leave by.
            FirewallPacket seen = chain == "PREROUTING" ? packet with { Out = "" } : packet;
            if (tables.TryGetValue(table, out FirewallTable? rules) && rules.Walk(chain, seen) is { IsLoss: true } loss) return loss;
        }
        return null;
    }
}
