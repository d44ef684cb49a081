using System.Net;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Tunnel.Routing;

/// <summary>The main table as the overlay sees it: which routes of others take its packets elsewhere. Pure; daemon and doctor go by it alike.</summary>
internal static class OverlayRoutes
{
    /// <summary>The routes in the way.</summary>
    /// <param name="table">The main table in the kernel's order, which is that of precedence among routes of one prefix.</param>
    /// <param name="network">The overlay network.</param>
    /// <param name="own">This node's subnet, or null where it is not known: what docker0 and its fellows have in there is as it should be.</param>
    /// <param name="device">Index of the overlay's device.</param>
    public static IEnumerable<RouteInfo> InTheWay(IEnumerable<RouteInfo> table, IPNetwork network, IPNetwork? own, int device)
    {
        bool isOursSeen = false;
        foreach (RouteInfo route in table)
        {
            if (route.LinkIndex == device) isOursSeen |= route.Destination.Equals(network);
            else if (OverlayLink.IsOwnBlackhole(route) || !IsWithin(route.Destination, network) || (own is { } subnet && IsWithin(route.Destination, subnet))) continue;
            else if (!isOursSeen || !route.Destination.Equals(network)) yield return route;
        }
    }

    /// <summary>A route in the words that <c>ip route delete</c> takes.</summary>
    public static string Describe(RouteInfo route, IReadOnlyList<LinkInfo> links)
    {
        string type = route.Type switch { 1 => "", 6 => "blackhole ", 7 => "unreachable ", 8 => "prohibit ", _ => $"type {route.Type} " };
        string via = route.Gateway is null ? "" : $" via {route.Gateway}";
        string device = links.FirstOrDefault(link => link.Index == route.LinkIndex) is { } link ? $" dev {link.Name}" : "";
        return $"{type}{route.Destination}{via}{device}{(route.Metric == 0 ? "" : $" metric {route.Metric}")}";
    }

    private static bool IsWithin(IPNetwork inner, IPNetwork outer) => inner.PrefixLength >= outer.PrefixLength && outer.Contains(inner.BaseAddress);
}
