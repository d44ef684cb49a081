using System.Net;
using System.Text;
using Overlay.Encap.Codec;
using Overlay.Encap.Devices;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux.Tunneling;

/// <summary>
/// A TAP device that takes encapsulated super-packets (TUN_F_UDP_TUNNEL_GSO, Linux 6.17) and whose packets leave by the underlay's device to the
/// neighbours on its link. Both device and rule go with this object, and with the process that holds it.
/// </summary>
/// <remarks>
/// What is sent here passes neither the host's output chains nor its IPsec policies (<see cref="IpsecPolicies"/>).
/// Dispose it after the loops that use it have ended.
/// </remarks>
public sealed unsafe class TunnelPort : ITunnelPort, IDisposable
{
    private readonly FileDescriptor _tap;
    private readonly NeighborForward _forward;
    private readonly Prefix _link;

    private TunnelPort(FileDescriptor tap, NeighborForward forward, string name, Prefix link, IPAddress address, int port)
    {
        (_tap, _forward, Name, _link) = (tap, forward, name, link);
        (Address, Port) = (Prefix.AddressOf(address), (ushort)port);
    }

    /// <summary>Name of the TAP device.</summary>
    public string Name { get; }

    /// <inheritdoc/>
    public uint Address { get; }

    /// <inheritdoc/>
    public ushort Port { get; }

    /// <summary>Makes device and rule.</summary>
    /// <param name="name">Name of the TAP device to make, 1 to 15 bytes.</param>
    /// <param name="underlay">The address to send from; packets leave by its link, to addresses in its prefix.</param>
    /// <param name="port">UDP port of the peers.</param>
    /// <param name="netlink">To set the device up with.</param>
    /// <exception cref="LinuxException">The kernel lacks a part of it.</exception>
    public static TunnelPort Open(string name, AddressInfo underlay, int port, RouteNetlink netlink)
    {
        LinuxException.Check(Syscall.Open("/dev/net/tun\0"u8, O_RDWR | O_NONBLOCK, out FileDescriptor? tap), "open /dev/net/tun");
        NeighborForward? forward = null;
        try
        {
            Attach(tap!, name);
            forward = new NeighborForward($"overlay-agent.{name}", name, underlay.LinkIndex);
            LinkInfo device = netlink.Link(name) ?? throw new LinuxException($"set up {name}", Errno.ENODEV);
            KeepSilent(device.Index, netlink);
            netlink.SetLink(device.Index, device.Mtu, up: true, txQueueLength: 1, gsoMaxSize: ushort.MaxValue);
            return new TunnelPort(tap!, forward, name, new Prefix(Prefix.AddressOf(underlay.Address), underlay.PrefixLength), underlay.Address, port);
        }
        catch
        {
            forward?.Dispose();
            tap!.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public bool Reaches(uint endpoint) => _link.Contains(endpoint);

    /// <inheritdoc/>
    public IoResult Send(ReadOnlySpan<byte> frame) => Outcome.Of(Syscall.Write(_tap, frame));

    /// <inheritdoc/>
    public void Dispose()
    {
        _forward.Dispose();
        _tap.Dispose();
    }

    // Nobody reads what the kernel says here by itself: an IPv6 address, and the questions for routers that follow from it.
    private static void KeepSilent(int index, RouteNetlink netlink)
    {
        try
        {
            netlink.MakeNoIPv6Address(index);
        }
        catch (LinuxException)
        {
            // A host without IPv6 says nothing.
        }
    }

    private static void Attach(FileDescriptor tap, string name)
    {
        ifreq request = default;
        Encoding.ASCII.GetBytes(name, new Span<byte>(request.ifr_name, TunAbi.IFNAMSIZ - 1));
        request.ifr_flags = TunAbi.IFF_TAP | TunAbi.IFF_NO_PI | TunAbi.IFF_VNET_HDR | TunAbi.IFF_TUN_EXCL;
        LinuxException.Check(Syscall.Ioctl(tap, TunAbi.TUNSETIFF, ref request), $"create TAP device {name}");
        int headerSize = TunnelFrame.VirtioSize;
        const uint Offloads = TunAbi.TUN_F_CSUM | TunAbi.TUN_F_TSO4 | TunAbi.TUN_F_UDP_TUNNEL_GSO | TunAbi.TUN_F_UDP_TUNNEL_GSO_CSUM;
        LinuxException.Check(Syscall.Ioctl(tap, TunAbi.TUNSETVNETHDRSZ, ref headerSize), $"set the header size of {name}");
        LinuxException.Check(Syscall.Ioctl(tap, TunAbi.TUNSETOFFLOAD, Offloads), $"let {name} take tunnel super-packets (Linux 6.17)");
    }
}
