using Overlay.Agent.Configuration;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Inspection;
using Overlay.Encap.Linux.Netlink;
using Overlay.Encap.Linux.Tunneling;

namespace Overlay.Agent.Tunnel.Segmentation;

/// <summary>
/// Keeps the port through which super-packets leave whole, where that is possible and pays: the network card cuts tunnel packets itself, the
/// kernel takes them from us (Linux 6.17), peers are neighbours on the link, and nothing of the IP layer that we would go past has a say.
/// </summary>
/// <remarks>Used by one caller at a time. <see cref="Renew"/> only while no loop uses the port.</remarks>
/// <param name="mode">On: also where the card does not cut, and the kernel does it in front of it.</param>
/// <param name="netlink">Stays with the caller.</param>
internal sealed class TunnelSegmentation(OffloadMode mode, RouteNetlink netlink) : IDisposable
{
    /// <summary>What <c>ethtool -k</c> calls it.</summary>
    private const string CardFeature = "tx-udp_tnl-segmentation";

    private const int MaxNameLength = 15;
    private const string NameSuffix = ".gso";

    private bool _judged;
    private AddressInfo? _tried;

    /// <summary>The port, or null where there is none.</summary>
    public TunnelPort? Port { get; private set; }

    /// <summary>For the log: on, or why not.</summary>
    public string State { get; private set; } = "";

    /// <summary>Whether the host has changed, so that there is to be a port where there is none, or the other way round, or another one.</summary>
    /// <exception cref="LinuxException">The kernel refuses to be asked.</exception>
    public bool IsOutdated(OverlaySettings settings) =>
        !_judged || Judge(settings).Underlay != _tried || (Port is not null && netlink.Link(Port.Name) is not { Kind: "tun", IsUp: true });

    /// <summary>Follows the host. What the kernel lacks is left out, and not tried again until something else changes.</summary>
    public void Renew(OverlaySettings settings)
    {
        Port?.Dispose();
        Port = null;
        _judged = true;
        (_tried, string reason) = Judge(settings);
        State = $"off ({reason})";
        if (_tried is null) return;
        try
        {
            Port = TunnelPort.Open(NameFor(settings.Device), _tried, settings.Port, netlink);
            State = "on";
        }
        catch (LinuxException e)
        {
            State = $"off ({e.Message})";
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Port?.Dispose();

    private static string NameFor(string device) => $"{device[..Math.Min(device.Length, MaxNameLength - NameSuffix.Length)]}{NameSuffix}";

    // The address that packets are to leave from, or why there is none.
    private (AddressInfo? Underlay, string Reason) Judge(OverlaySettings settings)
    {
        if (mode == OffloadMode.Off) return (null, "switched off, or Linux before 6.17");
        if (netlink.Addresses().FirstOrDefault(address => address.Address.Equals(settings.ListenAddress)) is not { } underlay)
            return (null, "no single address to send from");
        if (netlink.Link(underlay.LinkIndex) is not { Mac: not null, IsUp: true } link) return (null, "the underlay is no Ethernet link that is up");
        if (mode == OffloadMode.Auto && !LinkFeatures.ReadActive(link.Name).Contains(CardFeature)) return (null, $"{link.Name} does not segment tunnels");
        if (IpsecPolicies.Exist()) return (null, "this host has IPsec policies");
        if (!LeadsToNeighbors(underlay)) return (null, $"routes within the prefix of {underlay.Address}/{underlay.PrefixLength} lead elsewhere");
        return (underlay, "");
    }

    // The connected route and nothing more special: a gateway, or another card, is what the port knows nothing of.
    private bool LeadsToNeighbors(AddressInfo underlay)
    {
        Prefix prefix = new(Prefix.AddressOf(underlay.Address), underlay.PrefixLength);
        RouteInfo[] within = [.. netlink.MainTable().Where(route => Prefix.From(route.Destination) is var to && to.Length >= prefix.Length && prefix.Contains(to.Address))];
        return within is [{ Gateway: null, IsUnicast: true } first, ..] && first.LinkIndex == underlay.LinkIndex && within.All(route => Prefix.From(route.Destination) == prefix);
    }
}
