using System.Net;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Startup;

/// <summary>What the kernel says about this host's IPv4 network, taken once; the choice of an interface is made on it without further looks.</summary>
/// <param name="Links">All interfaces.</param>
/// <param name="Addresses">All addresses, in the kernel's order.</param>
/// <param name="Routes">The main table, in the kernel's order.</param>
/// <param name="RouteTo">Asks for the route to one address (<c>ip route get</c>); null where there is none.</param>
public sealed record HostNetwork(
    IReadOnlyList<LinkInfo> Links, IReadOnlyList<AddressInfo> Addresses, IReadOnlyList<RouteInfo> Routes, Func<IPAddress, RouteInfo?> RouteTo)
{
    /// <summary>
    /// Asks for the route to one address of a packet that has a source and comes in by the link of an index (<c>ip route get ... from ... iif ...</c>);
    /// null where it would be dropped.
    /// </summary>
    public Func<IPAddress, IPAddress, int, RouteInfo?> RouteThrough { get; init; } = (_, _, _) => null;

    /// <summary>Asks the kernel.</summary>
    /// <param name="netlink">Stays with the caller; <see cref="RouteTo"/> and <see cref="RouteThrough"/> use it and work as long as it is open.</param>
    /// <exception cref="Overlay.Encap.Linux.Gate.LinuxException">The kernel refuses to answer.</exception>
    public static HostNetwork Read(RouteNetlink netlink) => new(netlink.Links(), netlink.Addresses(), netlink.Routes(), netlink.RouteTo) { RouteThrough = netlink.RouteThrough };
}
