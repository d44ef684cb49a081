using System.Net;
using System.Text.RegularExpressions;
using Overlay.Agent.Configuration;
using Overlay.Agent.Text;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Startup;

/// <summary>
/// Chooses the interface and addresses for the traffic between nodes, by flannel's rules (main.go; pkg/ipmatch/match.go). A pure function
/// of the options and of what the kernel said. Ours: a public address that no interface has is taken for one behind NAT, where
/// flannel gives up.
/// </summary>
public static class UnderlayInterface
{
    /// <summary>Makes the choice: <c>--iface</c> in order, <c>--iface-regex</c> in order, <c>--iface-can-reach</c>; with none of them given the
    /// owner of <c>--public-ip</c>, else the default route's interface.</summary>
    /// <exception cref="CannotStartException">Nothing matches; the message lists what was tried and the interfaces there are.</exception>
    public static UnderlayChoice Choose(UnderlaySettings settings, HostNetwork host)
    {
        (LinkInfo link, IPAddress? address, string reason) = settings.NamesInterface ? Named(settings, host) : Unnamed(settings, host);
        if (address is null)
        {
            IReadOnlyList<IPAddress> usable = InterfaceAddresses.Usable(host, link.Index);
            if (usable.Count == 0) throw new CannotStartException($"{reason}, but {link.Name} has no usable IPv4 address; found {Inventory(host)}");
            address = usable[0];
        }
        if (address.GetAddressBytes()[0] == 127) throw new CannotStartException($"{reason}, but {address} is a loopback address, which no other node can reach");
        if (link.Mtu == 0) throw new CannotStartException($"{reason}, but the kernel reports no MTU for {link.Name}");
        return new UnderlayChoice(link, address, settings.PublicIp ?? address, settings.ListenAddress ?? address, reason);
    }

    private static (LinkInfo Link, IPAddress? Address, string Reason) Named(UnderlaySettings settings, HostNetwork host)
    {
        List<string> misses = [];
        foreach (string wanted in settings.Interfaces)
        {
            if (ByNameOrAddress(wanted, host, misses) is { } match) return match;
        }
        foreach (Regex pattern in settings.InterfacePatterns)
        {
            if (ByPattern(pattern, host) is { } match) return match;
            misses.Add($"--iface-regex {Printable.Quote(pattern.ToString())} matches no address and no name");
        }
        if (settings.CanReach is { } target)
        {
            RouteInfo? route = host.RouteTo(target);
            if (Link(host, route) is { } link) return (link, route!.PreferredSource, $"{link.Name} routes to {target}");
            misses.Add($"--iface-can-reach: no interface routes to {target}");
        }
        throw new CannotStartException($"no interface to use: {string.Join("; ", misses)}; found {Inventory(host)}");
    }

    private static (LinkInfo, IPAddress?, string)? ByNameOrAddress(string wanted, HostNetwork host, List<string> misses)
    {
        if (GoLiterals.TryAddress(wanted, out IPAddress address))
        {
            if (Owner(host, address) is { } owner) return (owner, address, $"{owner.Name} has the address of --iface");
            misses.Add($"--iface: no interface has address {address}");
            return null;
        }
        LinkInfo? link = host.Links.FirstOrDefault(l => l.Name == wanted);
        bool isUsable = link is not null && InterfaceAddresses.Usable(host, link.Index).Count > 0;
        if (isUsable) return (link!, null, "named by --iface");
        misses.Add(link is null ? $"--iface: there is no {Printable.Quote(wanted)}" : $"--iface: {wanted} has no usable IPv4 address");
        return null;
    }

    private static (LinkInfo, IPAddress?, string)? ByPattern(Regex pattern, HostNetwork host)
    {
        foreach (LinkInfo link in host.Links)
        {
            IPAddress? address = InterfaceAddresses.Usable(host, link.Index).FirstOrDefault(a => pattern.IsMatch(a.ToString()));
            if (address is not null) return (link, address, $"{address} matches --iface-regex");
        }
        LinkInfo? named = host.Links.FirstOrDefault(l => pattern.IsMatch(l.Name) && InterfaceAddresses.Usable(host, l.Index).Count > 0);
        return named is null ? null : (named, null, $"{named.Name} matches --iface-regex");
    }

    private static (LinkInfo Link, IPAddress? Address, string Reason) Unnamed(UnderlaySettings settings, HostNetwork host)
    {
        if (settings.PublicIp is { } publicIp && Owner(host, publicIp) is { } owner) return (owner, publicIp, $"{owner.Name} has the address of --public-ip");

        RouteInfo route = host.Routes.Where(r => r.Destination.PrefixLength == 0).OrderBy(r => r.Metric).FirstOrDefault()
            ?? throw new CannotStartException($"there is no IPv4 default route to tell the interface by, --iface names it; found {Inventory(host)}");
        LinkInfo link = Link(host, route)
            ?? throw new CannotStartException($"the default route has several next hops, --iface tells which interface to take; found {Inventory(host)}");
        string nat = settings.PublicIp is null ? "" : $"; no interface has the address of --public-ip {settings.PublicIp}, which is taken for one behind NAT";
        return (link, null, $"{link.Name} has the default route{nat}");
    }

    private static LinkInfo? Link(HostNetwork host, RouteInfo? route) =>
        route is null ? null : host.Links.FirstOrDefault(l => l.Index == route.LinkIndex);

    /// <summary>The interface that has an address, or null.</summary>
    internal static LinkInfo? Owner(HostNetwork host, IPAddress address)
    {
        AddressInfo? owned = host.Addresses.FirstOrDefault(a => a.Address.Equals(address));
        return owned is null ? null : host.Links.FirstOrDefault(l => l.Index == owned.LinkIndex);
    }

    private static string Inventory(HostNetwork host)
    {
        IEnumerable<string> lines = host.Links.Select(l =>
        {
            IEnumerable<IPAddress> addresses = host.Addresses.Where(a => a.LinkIndex == l.Index).Select(a => a.Address);
            string text = string.Join(' ', addresses);
            return text.Length == 0 ? l.Name : $"{l.Name} ({text})";
        });
        return string.Join(", ", lines) is { Length: > 0 } list ? list : "no interface at all";
    }
}
