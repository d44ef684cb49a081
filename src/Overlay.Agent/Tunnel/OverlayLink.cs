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
    private readonly int _gsoMaxSize;

    private OverlayLink(RouteNetlink netlink, int index, int gsoMaxSize) => (_netlink, Index, _gsoMaxSize) = (netlink, index, gsoMaxSize);

    /// <summary>Interface index.</summary>
    public int Index { get; }

    /// <summary>Brings a fresh device up, with MTU and limits.</summary>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    /// <exception cref="CannotStartException">There is no device of that name.</exception>
    public static OverlayLink BringUp(RouteNetlink netlink, OverlaySettings settings)
    {
        int index = netlink.Link(settings.Device)?.Index ?? throw new CannotStartException($"{settings.Device} vanished while it was being set up");
        DisableIPv6(settings.Device);
        netlink.SetLink(index, settings.Mtu.Bytes, up: true, TxQueueLength, GsoMaxSize);
        // A kernel that cannot be told the limit stays as it is: that is no flaw.
        return new OverlayLink(netlink, index, netlink.Link(index)?.GsoMaxSize ?? GsoMaxSize);
    }

    /// <summary>Whether the interface stands in this network namespace.</summary>
    public bool Exists() => _netlink.Link(Index) is { Kind: "tun" };

    /// <summary>What is not as it should be. Lazy: each is looked for after the one before has been dealt with, as one may follow from another.</summary>
    /// <param name="settings">What it should be.</param>
    /// <param name="subnet">This node's lease.</param>
    public IEnumerable<Flaw> Flaws(OverlaySettings settings, IPNetwork subnet)
    {
        if (_netlink.Link(Index) is { } named && named.Name != settings.Device)
            yield return new Flaw("name", $"it was renamed to {named.Name}", () => Rename(settings));

        if (_netlink.Link(Index) is not { } link) yield break;
        string odd = string.Join(", ", Oddities(link, settings));
        if (odd.Length > 0) yield return new Flaw("link", odd, () => SetUp(settings));

        foreach (Flaw flaw in AddressFlaws(settings.Network, subnet)) yield return flaw;
        if (!_netlink.MainTable().Any(route => IsOurs(route, settings.Network, subnet.BaseAddress)))
        {
            yield return new Flaw("route", $"the route to {settings.Network} was gone or replaced",
                () => _netlink.ReplaceRoute(settings.Network, Index, subnet.BaseAddress));
        }
        foreach (Flaw flaw in BlackholeFlaws(settings, subnet)) yield return flaw;
    }

    /// <summary>Whether a route is a blackhole that an agent has made, this one or another on this host.</summary>
    public static bool IsOwnBlackhole(RouteInfo route) => route is { IsUnicast: false, Metric: BlackholeMetric, Protocol: RouteProtocol };

    private IEnumerable<string> Oddities(LinkInfo link, OverlaySettings settings)
    {
        if (!link.IsUp) yield return "it was set down";
        if (link.Mtu != settings.Mtu.Bytes) yield return $"its MTU was {link.Mtu}, not {settings.Mtu.Bytes}";
        if (link.TxQueueLength != TxQueueLength) yield return $"its txqueuelen was {link.TxQueueLength}, not {TxQueueLength}";
        if (link.GsoMaxSize != _gsoMaxSize) yield return $"its gso_max_size was {link.GsoMaxSize}, not {_gsoMaxSize}";
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

    private bool IsOurs(RouteInfo route, IPNetwork network, IPAddress source) =>
        route.IsUnicast && route.Destination.Equals(network) && route.LinkIndex == Index && route.Metric == 0 && route.Gateway is null
        && source.Equals(route.PreferredSource);

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
    private void SetUp(OverlaySettings settings)
    {
        _netlink.SetLink(Index, settings.Mtu.Bytes, up: true, TxQueueLength, GsoMaxSize);
        DisableIPv6(settings.Device);
    }

    private void Rename(OverlaySettings settings)
    {
        try
        {
            _netlink.Rename(Index, settings.Device);
        }
        catch (LinuxException e) when (e.Errno == Errno.EBUSY)
        {
            // Before Linux 6.2 only what is down can be renamed; that it is down is the next flaw.
            _netlink.SetLink(Index, settings.Mtu.Bytes, up: false, TxQueueLength, GsoMaxSize);
            _netlink.Rename(Index, settings.Device);
        }
    }

    // Nothing but IPv4 passes, so the kernel need not look for IPv6 routers there. A host without IPv6 has no such file.
    private static void DisableIPv6(string device)
    {
        try
        {
            File.WriteAllText($"/proc/sys/net/ipv6/conf/{device}/disable_ipv6", "1");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Only a few packets are dropped and counted for it.
        }
    }
}
