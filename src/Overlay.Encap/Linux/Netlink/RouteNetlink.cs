using System.Net;
using System.Net.Sockets;
using System.Text;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Linux.Netlink;

/// <summary>
/// The host's links, addresses and routes, read and changed through rtnetlink in the network namespace of the thread that made this
/// object. One caller at a time; calls block for as long as the kernel works. Every change states a wanted end, so repeating it does
/// nothing; each throws <see cref="LinuxException"/> with the kernel's own words where it is refused (EPERM: CAP_NET_ADMIN is missing).
/// </summary>
public sealed class RouteNetlink : IDisposable
{
    // The largest request here is SetLink with 64 bytes.
    private const int RequestSize = 128;

    private const ushort CreateOrReplace = NetlinkAbi.NLM_F_CREATE | NetlinkAbi.NLM_F_REPLACE;

    private readonly NetlinkSocket _socket;

    /// <summary>Opens the socket.</summary>
    /// <exception cref="LinuxException">The kernel refuses the socket.</exception>
    public RouteNetlink() => _socket = new NetlinkSocket();

    /// <summary>All interfaces.</summary>
    public IReadOnlyList<LinkInfo> Links()
    {
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_GETLINK, NetlinkAbi.NLM_F_DUMP);
        request.Append(new ifinfomsg());
        request.Attribute(NetlinkAbi.IFLA_EXT_MASK, NetlinkAbi.RTEXT_FILTER_SKIP_STATS);
        return _socket.Dump(request.Message, "list interfaces", NetlinkAbi.RTM_NEWLINK, LinkInfo.Read);
    }

    /// <summary>The interface of that name, or null.</summary>
    public LinkInfo? Link(string name)
    {
        // The kernel answers EINVAL or ERANGE to a name that no interface can have.
        if (Encoding.UTF8.GetByteCount(name) is 0 or >= TunAbi.IFNAMSIZ) return null;
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_GETLINK, 0);
        request.Append(new ifinfomsg());
        request.Attribute(NetlinkAbi.IFLA_EXT_MASK, NetlinkAbi.RTEXT_FILTER_SKIP_STATS);
        request.Attribute(NetlinkAbi.IFLA_IFNAME, name);
        return _socket.Get(request.Message, $"look up interface {name}", NetlinkAbi.RTM_NEWLINK, LinkInfo.Read, Errno.ENODEV);
    }

    /// <summary>The interface of that index, or null.</summary>
    public LinkInfo? Link(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(index);
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_GETLINK, 0);
        request.Append(new ifinfomsg { ifi_index = index });
        request.Attribute(NetlinkAbi.IFLA_EXT_MASK, NetlinkAbi.RTEXT_FILTER_SKIP_STATS);
        return _socket.Get(request.Message, $"look up interface {index}", NetlinkAbi.RTM_NEWLINK, LinkInfo.Read, Errno.ENODEV);
    }

    /// <summary>All IPv4 and IPv6 addresses of all interfaces.</summary>
    public IReadOnlyList<AddressInfo> Addresses()
    {
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_GETADDR, NetlinkAbi.NLM_F_DUMP);
        request.Append(new ifaddrmsg());
        return _socket.Dump(request.Message, "list addresses", NetlinkAbi.RTM_NEWADDR, AddressInfo.Read);
    }

    /// <summary>The unicast IPv4 routes of the main table.</summary>
    public IReadOnlyList<RouteInfo> Routes() => [.. MainTable().Where(route => route.IsUnicast)];

    /// <summary>All IPv4 routes of the main table, those that lead nowhere included.</summary>
    public IReadOnlyList<RouteInfo> MainTable()
    {
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_GETROUTE, NetlinkAbi.NLM_F_DUMP);
        request.Append(new rtmsg { rtm_family = (byte)AddressFamily.InterNetwork });
        return _socket.Dump(request.Message, "list routes", NetlinkAbi.RTM_NEWROUTE, RouteInfo.ReadMain);
    }

    /// <summary>
    /// The route that a packet to <paramref name="destination"/> takes now, all tables and rules considered, as <c>ip route get</c> prints
    /// it: destination of 32 bits, chosen source in <see cref="RouteInfo.PreferredSource"/>. Null where there is none.
    /// </summary>
    /// <param name="destination">An IPv4 address.</param>
    public RouteInfo? RouteTo(IPAddress destination) => LookUp(destination, null, 0);

    /// <summary>
    /// The route of a packet that comes in by an interface and is to be forwarded, as <c>ip route get DESTINATION from SOURCE iif LINK</c> prints
    /// it. Null where the kernel would drop it: without a route, with forwarding off, by the reverse path filter.
    /// </summary>
    /// <param name="destination">An IPv4 address.</param>
    /// <param name="source">An IPv4 address that is none of this host's.</param>
    /// <param name="linkIndex">The interface that it comes in by.</param>
    public RouteInfo? RouteThrough(IPAddress destination, IPAddress source, int linkIndex) => LookUp(destination, source, linkIndex);

    /// <summary>Deletes an interface; nothing happens where it is gone.</summary>
    public void DeleteLink(int index)
    {
        // Index 0 is "by name" or even "by group" to the kernel.
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(index);
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_DELLINK, 0);
        request.Append(new ifinfomsg { ifi_index = index });
        _socket.Change(request.Message, $"delete interface {index}", Errno.ENODEV);
    }

    /// <summary>Gives an interface another name. Before Linux 6.2 it must be down (EBUSY).</summary>
    public void Rename(int index, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(index);
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_SETLINK, 0);
        request.Append(new ifinfomsg { ifi_index = index });
        request.Attribute(NetlinkAbi.IFLA_IFNAME, name);
        _socket.Change(request.Message, $"rename interface {index} to {name}");
    }

    /// <summary>Sets the properties of an interface.</summary>
    /// <param name="index">The interface.</param>
    /// <param name="mtu">Largest packet in bytes.</param>
    /// <param name="up">Up or down; down removes its routes.</param>
    /// <param name="txQueueLength">Packets that may wait to be sent (for a TUN: to be read).</param>
    /// <param name="gsoMaxSize">Largest super-packet in bytes, at most 65536, of any family; a kernel that cannot be told so stays as it is.</param>
    public void SetLink(int index, int mtu, bool up, int txQueueLength, int gsoMaxSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(index);
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_SETLINK, 0);
        request.Append(new ifinfomsg { ifi_index = index, ifi_flags = up ? NetlinkAbi.IFF_UP : 0, ifi_change = NetlinkAbi.IFF_UP });
        request.Attribute(NetlinkAbi.IFLA_MTU, (uint)mtu);
        request.Attribute(NetlinkAbi.IFLA_TXQLEN, (uint)txQueueLength);
        request.Attribute(NetlinkAbi.IFLA_GSO_MAX_SIZE, (uint)gsoMaxSize);
        request.Attribute(NetlinkAbi.IFLA_GSO_IPV4_MAX_SIZE, (uint)gsoMaxSize);
        _socket.Change(request.Message, $"set up interface {index} (mtu {mtu}, txqueuelen {txQueueLength}, gso_max_size {gsoMaxSize})");
    }

    /// <summary>Lets the kernel make no IPv6 address for an interface by itself, so that it says nothing there; those that it has stay.</summary>
    /// <exception cref="LinuxException">Also where the kernel or the interface has no IPv6.</exception>
    public void MakeNoIPv6Address(int index)
    {
        // An attribute in an attribute in an attribute; each begins with its length and type.
        Span<byte> mode = stackalloc byte[RequestSize], family = stackalloc byte[RequestSize];
        NetlinkWriter inner = NetlinkWriter.Nested(mode);
        inner.Attribute(NetlinkAbi.IFLA_INET6_ADDR_GEN_MODE, [NetlinkAbi.IN6_ADDR_GEN_MODE_NONE]);
        NetlinkWriter middle = NetlinkWriter.Nested(family);
        middle.Attribute((ushort)Tmds.Linux.LibC.AF_INET6, inner.Content);
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_SETLINK, 0);
        request.Append(new ifinfomsg { ifi_index = index });
        request.Attribute(NetlinkAbi.IFLA_AF_SPEC, middle.Content);
        _socket.Change(request.Message, $"keep IPv6 addresses from interface {index}");
    }

    /// <summary>Gives an interface an address of scope universe; others it has stay.</summary>
    public void ReplaceAddress(int linkIndex, IPAddress address, int prefixLength) =>
        _socket.Change(
            AddressRequest(stackalloc byte[RequestSize], NetlinkAbi.RTM_NEWADDR, linkIndex, address, prefixLength),
            $"add address {address}/{prefixLength} to interface {linkIndex}");

    /// <summary>Takes an address from an interface; nothing happens where the address or the interface is gone.</summary>
    public void DeleteAddress(int linkIndex, IPAddress address, int prefixLength) =>
        _socket.Change(
            AddressRequest(stackalloc byte[RequestSize], NetlinkAbi.RTM_DELADDR, linkIndex, address, prefixLength),
            $"delete address {address}/{prefixLength} from interface {linkIndex}", Errno.EADDRNOTAVAIL, Errno.ENODEV);

    /// <summary>
    /// Makes the on-link route to <paramref name="destination"/> in the main table, metric 0, in place of any other of that prefix and
    /// metric. The interface must be up.
    /// </summary>
    /// <param name="destination">An IPv4 prefix.</param>
    /// <param name="linkIndex">Outgoing interface.</param>
    /// <param name="preferredSource">Source address of packets of this host; one of its addresses.</param>
    public void ReplaceRoute(IPNetwork destination, int linkIndex, IPAddress preferredSource)
    {
        RequireIPv4(destination.BaseAddress, nameof(destination));
        RequireIPv4(preferredSource, nameof(preferredSource));
        Span<byte> replace = RouteRequest(stackalloc byte[RequestSize], NetlinkAbi.RTM_NEWROUTE, destination, linkIndex, preferredSource);
        Span<byte> delete = RouteRequest(stackalloc byte[RequestSize], NetlinkAbi.RTM_DELROUTE, destination, linkIndex, preferredSource);
        string attempt = $"add route {destination} through interface {linkIndex} with source {preferredSource}";
        try
        {
            _socket.Change(replace, attempt);
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            // It stands behind another one, which takes the packets: the kernel replaces only the first, and by nothing that stands already.
            _socket.Change(delete, $"delete route {destination}", Errno.ESRCH);
            _socket.Change(replace, attempt);
        }
    }

    /// <summary>Makes a route of the main table by which packets are dropped without an answer; nothing happens where it stands.</summary>
    /// <param name="destination">An IPv4 prefix.</param>
    /// <param name="metric">The lowest metric of a prefix wins.</param>
    /// <param name="protocol">RTPROT_*: who made it.</param>
    public void AddBlackhole(IPNetwork destination, uint metric, byte protocol)
    {
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_NEWROUTE, NetlinkAbi.NLM_F_CREATE);
        AppendRoute(ref request, destination, NetlinkAbi.RTN_BLACKHOLE, NetlinkAbi.RT_SCOPE_UNIVERSE, protocol);
        request.Attribute(NetlinkAbi.RTA_PRIORITY, metric);
        _socket.Change(request.Message, $"add blackhole route {destination} metric {metric}", Errno.EEXIST);
    }

    /// <summary>Removes what <see cref="AddBlackhole"/> made; nothing happens where it is gone.</summary>
    public void DeleteBlackhole(IPNetwork destination, uint metric, byte protocol)
    {
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_DELROUTE, 0);
        AppendRoute(ref request, destination, NetlinkAbi.RTN_BLACKHOLE, NetlinkAbi.RT_SCOPE_UNIVERSE, protocol);
        request.Attribute(NetlinkAbi.RTA_PRIORITY, metric);
        _socket.Change(request.Message, $"delete blackhole route {destination} metric {metric}", Errno.ESRCH);
    }

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _socket.Dispose();

    private static Span<byte> AddressRequest(Span<byte> buffer, ushort type, int linkIndex, IPAddress address, int prefixLength)
    {
        NetlinkWriter request = new(buffer, type, type == NetlinkAbi.RTM_NEWADDR ? CreateOrReplace : (ushort)0);
        // AddressFamily has the numbers of Windows; those of IPv4 agree with AF_INET, those of IPv6 do not.
        byte family = address.AddressFamily == AddressFamily.InterNetwork ? (byte)Tmds.Linux.LibC.AF_INET : (byte)Tmds.Linux.LibC.AF_INET6;
        request.Append(new ifaddrmsg { ifa_family = family, ifa_prefixlen = (byte)prefixLength, ifa_index = linkIndex });
        request.Attribute(NetlinkAbi.IFA_LOCAL, address);
        request.Attribute(NetlinkAbi.IFA_ADDRESS, address);
        return request.Message;
    }

    private static Span<byte> RouteRequest(Span<byte> buffer, ushort type, IPNetwork destination, int linkIndex, IPAddress preferredSource)
    {
        NetlinkWriter request = new(buffer, type, type == NetlinkAbi.RTM_NEWROUTE ? CreateOrReplace : (ushort)0);
        AppendRoute(ref request, destination, NetlinkAbi.RTN_UNICAST, NetlinkAbi.RT_SCOPE_LINK, NetlinkAbi.RTPROT_STATIC);
        request.Attribute(NetlinkAbi.RTA_OIF, (uint)linkIndex);
        request.Attribute(NetlinkAbi.RTA_PREFSRC, preferredSource);
        return request.Message;
    }

    private static void AppendRoute(ref NetlinkWriter request, IPNetwork destination, byte type, byte scope, byte protocol)
    {
        request.Append(new rtmsg
        {
            rtm_family = (byte)AddressFamily.InterNetwork,
            rtm_dst_len = (byte)destination.PrefixLength,
            rtm_table = NetlinkAbi.RT_TABLE_MAIN,
            rtm_protocol = protocol,
            rtm_scope = scope,
            rtm_type = type,
        });
        request.Attribute(NetlinkAbi.RTA_DST, destination.BaseAddress);
    }

    private RouteInfo? LookUp(IPAddress destination, IPAddress? source, int from)
    {
        RequireIPv4(destination, nameof(destination));
        NetlinkWriter request = new(stackalloc byte[RequestSize], NetlinkAbi.RTM_GETROUTE, 0);
        request.Append(new rtmsg { rtm_family = (byte)AddressFamily.InterNetwork, rtm_dst_len = 32, rtm_src_len = (byte)(source is null ? 0 : 32) });
        request.Attribute(NetlinkAbi.RTA_DST, destination);
        if (source is not null)
        {
            RequireIPv4(source, nameof(source));
            request.Attribute(NetlinkAbi.RTA_SRC, source);
            request.Attribute(NetlinkAbi.RTA_IIF, (uint)from);
        }
        // No route, an unreachable route, a prohibit route, a blackhole, and the reverse path filter, in this order.
        return _socket.Get(request.Message, $"look up the route to {destination}", NetlinkAbi.RTM_NEWROUTE, RouteInfo.Read,
            Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.EACCES, Errno.EINVAL, Errno.EXDEV);
    }

    private static void RequireIPv4(IPAddress address, string parameter)
    {
        if (address.AddressFamily != AddressFamily.InterNetwork) throw new ArgumentException($"{address} is not an IPv4 address", parameter);
    }
}
