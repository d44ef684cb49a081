using System.Net;

namespace Overlay.Encap.Linux.Netlink;

/// <summary>One IPv4 route as the kernel reports it (RTM_NEWROUTE).</summary>
/// <param name="Destination">The destination prefix; 0.0.0.0/0 for a default route.</param>
/// <param name="LinkIndex">Outgoing interface, or 0 where the route has several next hops.</param>
/// <param name="Gateway">Next hop, or null for an on-link route.</param>
/// <param name="PreferredSource">RTA_PREFSRC, or null.</param>
/// <param name="Metric">RTA_PRIORITY; 0 where it is absent.</param>
public sealed record RouteInfo(IPNetwork Destination, int LinkIndex, IPAddress? Gateway, IPAddress? PreferredSource, uint Metric);
