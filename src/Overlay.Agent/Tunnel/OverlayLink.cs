using System.Net;
using System.Net.Sockets;
using Overlay.Agent.Startup;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Tunnel;

/// <summary>
/// The overlay's interface as the kernel sees it, with its address and routes: what it should be, held against what it is. The same comparison
/// sets it up and puts it back, so doing it twice does nothing.
/// </summary>
/// <remarks>Used by one caller at a time.</remarks>
internal sealed class OverlayLink
{
    /// <summary>By this protocol number (rtm_protocol) our blackhole routes are told from anybody else's.</summary>
    public const byte RouteProtocol = 79;

    /// <summary>Behind everything that a network manager may give to a bridge of the same prefix, so that docker0's own route wins.</summary>
    public const uint BlackholeMetric = 1_000_000_000;

    private const int TxQueueLength = 500;

    /// <summary>
    /// As large as containers' super-packets come: the kernel cuts what it forwards into single packets where it exceeds the device's
    /// limit. That the headers of the segments then do not fit into one send of 65,507 bytes costs a second one, of a few segments.
    /// </summary>
    private const int GsoMaxSize = 65_536;

    private readonly RouteNetlink _netlink;

    private OverlayLink(RouteNetlink netlink, int index) => (_netlink, Index) = (netlink, index);

    /// <summary>Interface index.</summary>
    public int Index { get; }

    /// <summary>Brings a fresh device up, with MTU and limits.</summary>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    /// <exception cref="CannotStartException">There is no device of that name.</exception>
    public static OverlayLink BringUp(RouteNetlink netlink, OverlaySettings settings)
    {
        int index = netlink.Link(settings.Device)?.Index ?? throw new CannotStartException($"{settings.Device} vanished while it was being set up");
        DisableIPv6(netlink, index, settings.Device);
        netlink.SetLink(index, settings.Mtu.Bytes, up: true, TxQueueLength, GsoMaxSize);
        return new OverlayLink(netlink, index);
    }

    /// <summary>Whether the interface stands in this network namespace.</summary>
    public bool Exists() => _netlink.Link(Index) is { Kind: "tun" };

    /// <summary>
    /// What is not as it should be. Lazy: each is looked for after the one before has been dealt with, as one may follow from another. What
    /// packets pass with any value of (a shorter queue, smaller super-packets) is the operator's to tune, and stays as he sets it.
    /// </summary>
    /// <param name="settings">What it should be.</param>
    /// <param name="subnet">This node's lease.</param>
    public IEnumerable<Flaw> Flaws(OverlaySettings settings, IPNetwork subnet)
    {
        if (_netlink.Link(Index) is { } named && named.Name != settings.Device)
            yield return new Flaw("name", $"it was renamed to {named.Name}", () => Rename(named, settings));

        if (_netlink.Link(Index) is not { } link) yield break;
        string odd = string.Join(", ", Oddities(link, settings));
        if (odd.Length > 0) yield return new Flaw("link", odd, () => SetUp(link, settings));

        foreach (Flaw flaw in AddressFlaws(settings.Network, subnet)) yield return flaw;
        // The first of its prefix and metric takes the packets; what stands behind ours is in nobody's way.
        RouteInfo? first = _netlink.MainTable().FirstOrDefault(route => route.Destination.Equals(settings.Network) && route is { Metric: 0, Tos: 0 });
        if (first is null || !IsOurs(first, subnet.BaseAddress))
        {
            yield return new Flaw("route", $"the route to {settings.Network} was {(first is null ? "gone" : "replaced")}",
                () => _netlink.ReplaceRoute(settings.Network, Index, subnet.BaseAddress));
        }
        foreach (Flaw flaw in BlackholeFlaws(settings, subnet)) yield return flaw;
    }

    /// <summary>Whether a route is a blackhole that an agent has made, this one or another on this host.</summary>
    public static bool IsOwnBlackhole(RouteInfo route) => route is { IsUnicast: false, Metric: BlackholeMetric, Protocol: RouteProtocol };

    private static IEnumerable<string> Oddities(LinkInfo link, OverlaySettings settings)
    {
        if (!link.IsUp) yield return "it was set down";
        if (link.Mtu != settings.Mtu.Bytes) yield return $"its MTU was {link.Mtu}, not {settings.Mtu.Bytes}";
        if (link.TxQueueLength == 0) yield return "its queue was set to 0 packets, which lets none pass";
    }

    // As flannel: an address of the overlay that is not this node's would be the source of packets that no peer takes.
    private IEnumerable<Flaw> AddressFlaws(IPNetwork network, IPNetwork subnet)
    {
        AddressInfo[] held = [.. _netlink.Addresses().Where(a => a.LinkIndex == Index && a.Address.AddressFamily == AddressFamily.InterNetwork)];
        if (!held.Any(a => a.Address.Equals(subnet.BaseAddress) && a.PrefixLength == 32))
        {
            yield return new Flaw("address", $"its address {subnet.BaseAddress}/32 was gone", () => _netlink.ReplaceAddress(Index, subnet.BaseAddress, 32));
        }
        foreach (AddressInfo other in held.Where(a => network.Contains(a.Address) && !(a.Address.Equals(subnet.BaseAddress) && a.PrefixLength == 32)))
        {
            yield return new Flaw($"address {other.Address}/{other.PrefixLength}", $"it had another address, {other.Address}/{other.PrefixLength}",
                () => _netlink.DeleteAddress(Index, other.Address, other.PrefixLength));
        }
    }

    private bool IsOurs(RouteInfo route, IPAddress source) =>
        route.IsUnicast && route.LinkIndex == Index && route.Gateway is null && source.Equals(route.PreferredSource);

    private IEnumerable<Flaw> BlackholeFlaws(OverlaySettings settings, IPNetwork subnet)
    {
        RouteInfo[] standing = [.. _netlink.MainTable().Where(route =>
            route is { IsUnicast: false, Metric: BlackholeMetric } && settings.Network.Contains(route.Destination.BaseAddress))];
        if (settings.KeepsBlackhole && !standing.Any(route => route.Destination.Equals(subnet)))
            yield return new Flaw("blackhole", $"the blackhole route to {subnet} was gone", () => _netlink.AddBlackhole(subnet, BlackholeMetric, RouteProtocol));
        foreach (IPNetwork left in standing.Where(IsOwnBlackhole).Select(route => route.Destination))
        {
            if (settings.KeepsBlackhole && left.Equals(subnet)) continue;
            yield return new Flaw("blackhole", $"the blackhole route to {left} is of an earlier run", () => _netlink.DeleteBlackhole(left, BlackholeMetric, RouteProtocol));
        }
    }

    // An MTU below 1280 takes IPv6 off a device, and one above puts it on again, switched on.
    private void SetUp(LinkInfo link, OverlaySettings settings)
    {
        SetLink(link, settings, up: true);
        DisableIPv6(_netlink, Index, settings.Device);
    }

    private void Rename(LinkInfo link, OverlaySettings settings)
    {
        try
        {
            _netlink.Rename(Index, settings.Device);
        }
        catch (LinuxException e) when (e.Errno == Errno.EBUSY)
        {
            // Before Linux 6.2 only what is down can be renamed; that it is down is the next flaw.
            SetLink(link, settings, up: false);
            _netlink.Rename(Index, settings.Device);
        }
    }

    private void SetLink(LinkInfo link, OverlaySettings settings, bool up) =>
        _netlink.SetLink(Index, settings.Mtu.Bytes, up, link.TxQueueLength > 0 ? link.TxQueueLength : TxQueueLength, link.GsoMaxSize > 0 ? link.GsoMaxSize : GsoMaxSize);

    // Nothing but IPv4 passes, so the kernel need not look for IPv6 routers there. A host without IPv6 has no such file.
    private static void DisableIPv6(RouteNetlink netlink, int index, string device)
    {
        try
        {
            netlink.MakeNoIPv6Address(index);
            File.WriteAllText($"/proc/sys/net/ipv6/conf/{device}/disable_ipv6", "1");
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
        {
            // Without IPv6 there is nothing to do. Where /proc/sys is read-only, as in the unit's sandbox, the device is silent by the first alone.
        }
    }
}
