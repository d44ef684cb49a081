using System.Buffers.Binary;
using System.Net;
using Overlay.Agent.Startup;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Tunnel.Routing;

/// <summary>
/// A way that packets to a peer take past the overlay's device although the main table leads them there: a policy rule (<c>ip rule</c>) has
/// another table in front of it. Daemon and doctor go by it alike.
/// </summary>
/// <param name="What">Which packets.</param>
/// <param name="Way">Where they go.</param>
/// <param name="Shown">The command that shows it.</param>
internal sealed record Detour(string What, string Way, string Shown)
{
    /// <summary>Asks the kernel about a packet of this host, and about one of a container.</summary>
    /// <param name="host">This host; its main table has the overlay's route.</param>
    /// <param name="peer">An address of another node's subnet.</param>
    /// <param name="own">This node's subnet, or null where it is not known.</param>
    /// <param name="device">Index of the overlay's device.</param>
    /// <returns>The first that goes astray, or null.</returns>
    public static Detour? Find(HostNetwork host, IPAddress peer, IPNetwork? own, int device)
    {
        RouteInfo? direct = host.RouteTo(peer);
        if (direct?.LinkIndex != device) return new Detour("packets", Describe(host, direct), $"ip route get {peer}");
        // VPNs divert by source or by interface: such rules are not for this host's own packets.
        if (own is not { } subnet || host.Addresses.FirstOrDefault(a => a.LinkIndex != device && subnet.Contains(a.Address)) is not { } bridge) return null;
        IPAddress container = ContainerOf(subnet);
        // None at all is forwarding switched off, or a reverse path filter: these are named by themselves.
        if (host.RouteThrough(peer, container, bridge.LinkIndex) is not { } forwarded || forwarded.LinkIndex == device) return null;
        return new Detour("packets of containers", Describe(host, forwarded), $"ip route get {peer} from {container} iif {NameOf(host, bridge.LinkIndex)}");
    }

    private static string Describe(HostNetwork host, RouteInfo? way) =>
        way is { IsUnicast: true } ? $"through {NameOf(host, way.LinkIndex) ?? "several next hops"}" : way is { LinkIndex: > 0 } ? "to this host itself" : "to nowhere";

    private static string? NameOf(HostNetwork host, int link) => host.Links.FirstOrDefault(l => l.Index == link)?.Name;

    // The first address is the bridge's own.
    private static IPAddress ContainerOf(IPNetwork subnet)
    {
        byte[] octets = subnet.BaseAddress.GetAddressBytes();
        BinaryPrimitives.WriteUInt32BigEndian(octets, BinaryPrimitives.ReadUInt32BigEndian(octets) + 2);
        return new IPAddress(octets);
    }
}
