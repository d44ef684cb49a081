using System.Net;
using Overlay.Agent.Configuration;
using Overlay.Agent.Startup;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Wire;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Tunnel;

/// <summary>What flags, network config and underlay together say of the overlay on this host.</summary>
/// <param name="Device">Name of the TUN device.</param>
/// <param name="Network">The overlay network.</param>
/// <param name="Mtu">MTU of the TUN device.</param>
/// <param name="ListenAddress">What the UDP sockets are bound to.</param>
/// <param name="Port">UDP port of every node.</param>
/// <param name="Vni">The segment.</param>
/// <param name="DataPath">Filter and offload switches.</param>
internal sealed record OverlaySettings(
    string Device, IPNetwork Network, TunMtu Mtu, IPAddress ListenAddress, int Port, Vni Vni, DataPathSettings DataPath)
{
    /// <summary>Whether a blackhole route for the own subnet is kept (<c>--ip-blackhole-route</c>).</summary>
    public bool KeepsBlackhole { get; init; }

    private const int MaxNameLength = 15;   // IFNAMSIZ without the terminating zero

    /// <summary>Puts them together and checks that they go together.</summary>
    /// <exception cref="CannotStartException">They do not.</exception>
    public static OverlaySettings Combine(DataPathSettings dataPath, NetworkConfig config, UnderlayChoice underlay)
    {
        BackendConfig backend = config.Backend;
        CheckUnderlay(config, underlay);
        TunMtu mtu = MtuOver(config, underlay);
        if (mtu.Bytes < TunMtu.Minimum)
        {
            throw new CannotStartException(
                $"an underlay MTU of {mtu.Bytes + Overhead.OuterIPv4} leaves {mtu.Bytes} bytes for the overlay, IPv4 needs {TunMtu.Minimum}; "
                + $"raise the MTU of {underlay.Link.Name} or Backend.MTU in etcd");
        }
        string device = dataPath.Device ?? $"flannel.{backend.Vni}";
        if (device.Length > MaxNameLength)
            throw new CannotStartException($"{device} is too long for an interface name ({MaxNameLength} bytes): choose --device");
        return new OverlaySettings(
            device, config.Network, mtu, underlay.ListenAddress, backend.Port, new Vni(backend.Vni), dataPath);
    }

    /// <summary>The MTU of the overlay over an underlay, whatever it may be: below <see cref="TunMtu.Minimum"/> it is of no use.</summary>
    public static TunMtu MtuOver(NetworkConfig config, UnderlayChoice underlay) =>
        new LinkMtu(config.Backend.Mtu > 0 ? config.Backend.Mtu : underlay.Link.Mtu).ToTunMtu();

    /// <summary>Checks that packets to peers do not go into the overlay again.</summary>
    /// <exception cref="CannotStartException">They would.</exception>
    public static void CheckUnderlay(NetworkConfig config, UnderlayChoice underlay)
    {
        if (new[] { underlay.PublicIp, underlay.Address }.FirstOrDefault(config.Network.Contains) is not { } inside) return;
        throw new CannotStartException(
            $"this node's address {inside} is inside of the overlay network {config.Network}, packets to peers would go in circles; "
            + "choose another Network in etcd or another --iface");
    }

    /// <summary>This node's place in the overlay.</summary>
    public LocalNode NodeWith(IPNetwork subnet, IPAddress publicIp, MacAddress mac) =>
        new(Prefix.From(Network), Prefix.From(subnet), Prefix.AddressOf(publicIp), mac, Vni, DataPath.SourceCheck);
}
