using Overlay.Encap.Forwarding;
using Overlay.Encap.Wire;

namespace Overlay.Testing.Packets;

/// <summary>The overlay that tests and benchmarks share: node n leases 10.5.n.0/24 at 192.168.0.n under the MAC 02:00:00:00:00:n.</summary>
public static class Nodes
{
    /// <summary>All inner addresses.</summary>
    public static readonly Prefix Network = new(Packet.Ip("10.5.0.0"), 16);

    /// <summary>A node's outer address.</summary>
    public static uint Endpoint(int node) => 0xC0A8_0000u + (uint)node;

    /// <summary>A node's VTEP MAC.</summary>
    public static MacAddress Mac(int node) => new(0x0200_0000_0000UL + (uint)node);

    /// <summary>A node's lease.</summary>
    public static Prefix Subnet(int node) => new(Address(node, 0), 24);

    /// <summary>An inner address of a node.</summary>
    public static uint Address(int node, int host) => Network.Address + (uint)(node << 8) + (uint)host;

    /// <summary>A node as its peers see it.</summary>
    public static Remote Remote(int node) => new(Subnet(node), Endpoint(node), Mac(node));

    /// <summary>A node as it sees itself.</summary>
    public static LocalNode Local(int node, SourceCheck check = SourceCheck.Strict) =>
        new(Network, Subnet(node), Endpoint(node), Mac(node), new Vni(1), check);

    /// <summary>What a node knows, with peers 1 to <paramref name="nodes"/>.</summary>
    public static ForwardingTable Table(int node, int nodes = 3, SourceCheck check = SourceCheck.Strict) =>
        new(Local(node, check), [.. Enumerable.Range(1, nodes).Where(peer => peer != node).Select(Remote)]);

    /// <summary>A datagram as one node sends it to another.</summary>
    public static byte[] Frame(int from, int to, ReadOnlySpan<byte> packet) => Packet.Vxlan(Mac(to).Value, Mac(from).Value, packet);
}
