using System.Net;
using System.Net.Sockets;

namespace Overlay.Agent.Startup;

/// <summary>Which of an interface's addresses stand for it, best first (flannel pkg/ip/iface.go, GetInterfaceIP4Addrs).</summary>
internal static class InterfaceAddresses
{
    private const uint Temporary = 0x01;
    private const uint Deprecated = 0x20;
    private const uint Permanent = 0x80;

    /// <summary>
    /// The usable IPv4 addresses: global before link-local, permanent before dynamic, primary before secondary, else the kernel's order.
    /// Deprecated ones and those that are no unicast address of this host for others (loopback, multicast, ...) are left out.
    /// </summary>
    public static IReadOnlyList<IPAddress> Usable(HostNetwork host, int linkIndex) =>
    [
        .. host.Addresses
            .Where(a => a.LinkIndex == linkIndex && IsUnicast(a.Address) && (a.Flags & Deprecated) == 0)
            .OrderBy(a => IsLinkLocal(a.Address))
            .ThenBy(a => (a.Flags & Permanent) == 0)
            .ThenBy(a => (a.Flags & Temporary) != 0)
            .Select(a => a.Address),
    ];

    private static bool IsUnicast(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] is not (0 or 127 or >= 224);

    private static bool IsLinkLocal(IPAddress address) => address.GetAddressBytes() is [169, 254, ..];
}
