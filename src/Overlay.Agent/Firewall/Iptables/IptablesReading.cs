using System.Net;
using Overlay.Agent.Firewall.Rules;
using Overlay.Agent.Firewall.Walk;

namespace Overlay.Agent.Firewall.Iptables;

/// <summary>What <c>iptables-save</c> says of our chains, and of what stands in front of them.</summary>
internal sealed class IptablesReading
{
    private readonly IReadOnlyDictionary<string, FirewallTable> _tables;

    private IptablesReading(IReadOnlyDictionary<string, FirewallTable> tables) => _tables = tables;

    /// <summary>
    /// Which lines matter here, asked for one after the other: all that can lose a packet, and of the nat table, of which a host may have tens of
    /// thousands, what is about our chain.
    /// </summary>
    public static Func<string, bool> Matters()
    {
        bool isNat = false;
        return line =>
        {
            if (line.StartsWith('*')) isNat = line == "*nat";
            return !isNat || line.StartsWith('*') || line.Contains("FLANNEL-", StringComparison.Ordinal);
        };
    }

    /// <summary>Reads the output, or those of its lines that matter. Lines of an unknown kind are passed over.</summary>
    public static IptablesReading Parse(string save) => new(FirewallTable.Parse(save));

    /// <summary>The rules of a chain, in order; null where there is no such chain.</summary>
    public IReadOnlyList<string>? Rules(string table, string chain) =>
        _tables.TryGetValue(table, out FirewallTable? found) && found.Chains.TryGetValue(chain, out List<FirewallRule>? rules) ? [.. rules.Select(rule => rule.Text)] : null;

    /// <summary>How often the parent jumps to it with the very rule of ours.</summary>
    public int Jumps(IptablesChain chain) => Rules(chain.Table, chain.Parent)?.Count(rule => IsJump(rule, chain)) ?? 0;

    /// <summary>Whether a rule of somebody else jumps to it, so that it cannot be deleted.</summary>
    public bool IsUsedByOthers(IptablesChain chain) => _tables.TryGetValue(chain.Table, out FirewallTable? table) && table.Chains.Any(from =>
        from.Value.Any(rule => rule.Target == chain.Name && !(from.Key == chain.Parent && IsJump(rule.Text, chain))));

    /// <summary>
    /// Where packets between a container here and one elsewhere are lost on their way through this host, by whose rule or policy ever; null for
    /// nowhere. Jumps are followed, and a rule with a condition that is not understood here is taken not to be about them.
    /// </summary>
    public (string Table, FirewallPacket Packet, FirewallVerdict Verdict)? Loss(OverlayRules rules)
    {
        if (rules.Device is not { } device) return null;
        IPAddress here = ContainerOf(rules), there = PeerOf(rules);
        FirewallPacket[] ways = [new(there, here, device, Bridge, "tcp"), new(here, there, Bridge, device, "tcp")];
        foreach (FirewallPacket packet in ways)
        {
            foreach ((string Table, string Chain) step in PacketPath.Forwarded)
            {
                if (PacketPath.Loss(_tables, packet, step) is { } verdict) return (step.Table, packet, verdict);
            }
        }
        return null;
    }

    private const string Bridge = "docker0";

    private static bool IsJump(string rule, IptablesChain chain) => SharedChain.Words(rule) == SharedChain.Words(chain.Jump);

    // One that raw has a rule for, where it has any: Docker makes them container by container.
    private IPAddress ContainerOf(OverlayRules rules) =>
        (Rules(IptablesAccept.Raw.Table, IptablesAccept.Raw.Parent) ?? []).Select(IptablesAccept.Destination).OfType<IPAddress>().FirstOrDefault(rules.Subnet.Contains)
        ?? Second(rules.Subnet.BaseAddress, flip: 0);

    // In the subnet beside ours.
    private static IPAddress PeerOf(OverlayRules rules) => Second(rules.Subnet.BaseAddress, rules.Subnet.PrefixLength > rules.Network.PrefixLength ? 1u << (32 - rules.Subnet.PrefixLength) : 0);

    // The first address that a container gets; the one before is the bridge's.
    private static IPAddress Second(IPAddress subnet, uint flip)
    {
        byte[] octets = subnet.GetAddressBytes();
        uint address = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(octets) ^ flip;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(octets, address | 2);
        return new IPAddress(octets);
    }
}
