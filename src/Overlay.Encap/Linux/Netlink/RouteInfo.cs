using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Overlay.Encap.Linux.Abi;

namespace Overlay.Encap.Linux.Netlink;

/// <summary>One IPv4 route as the kernel reports it (RTM_NEWROUTE).</summary>
/// <param name="Destination">The destination prefix; 0.0.0.0/0 for a default route.</param>
/// <param name="LinkIndex">Outgoing interface, or 0 where the route has several next hops.</param>
/// <param name="Gateway">Next hop, or null for an on-link route.</param>
/// <param name="PreferredSource">RTA_PREFSRC, or null.</param>
/// <param name="Metric">RTA_PRIORITY; 0 where it is absent.</param>
public sealed record RouteInfo(IPNetwork Destination, int LinkIndex, IPAddress? Gateway, IPAddress? PreferredSource, uint Metric)
{
    /// <summary>RTN_*: 1 unicast, 6 blackhole, 7 unreachable, 8 prohibit.</summary>
    public byte Type { get; init; } = NetlinkAbi.RTN_UNICAST;

    /// <summary>RTPROT_*: who made it. 2 the kernel, 3 the ip tool, 4 an administrator; others are of routing programs.</summary>
    public byte Protocol { get; init; }

    /// <summary>Type of service of the only packets it is for; 0 for all.</summary>
    public byte Tos { get; init; }

    /// <summary>Whether packets go somewhere by it.</summary>
    public bool IsUnicast => Type == NetlinkAbi.RTN_UNICAST;

    /// <summary>Reads the body of RTM_NEWROUTE as the answer to a look-up, of whatever type; null where it is cut short or not IPv4.</summary>
    internal static RouteInfo? Read(ReadOnlySpan<byte> body) => Read(body, out _, out _);

    /// <summary>As <see cref="Read(ReadOnlySpan{byte})"/>, and null for what is not an entry of the main table.</summary>
    internal static RouteInfo? ReadMain(ReadOnlySpan<byte> body)
    {
        RouteInfo? route = Read(body, out rtmsg head, out uint table);
        return table == NetlinkAbi.RT_TABLE_MAIN && (head.rtm_flags & NetlinkAbi.RTM_F_CLONED) == 0 ? route : null;
    }

    private static RouteInfo? Read(ReadOnlySpan<byte> body, out rtmsg head, out uint table)
    {
        table = 0;
        if (!NetlinkReader.TrySplit(body, out head, out AttributeReader attributes)) return null;
        if (head.rtm_family != (byte)AddressFamily.InterNetwork || head.rtm_dst_len > 32) return null;
        table = head.rtm_table;
        IPAddress destination = IPAddress.Any;
        RouteInfo route = new(default, 0, null, null, 0) { Type = head.rtm_type, Protocol = head.rtm_protocol, Tos = head.rtm_tos };
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
        {
            switch (type)
            {
                case NetlinkAbi.RTA_DST when value.Length == 4: destination = new IPAddress(value); break;
                case NetlinkAbi.RTA_OIF: route = route with { LinkIndex = (int)AttributeReader.UInt32(value) }; break;
                case NetlinkAbi.RTA_GATEWAY: route = route with { Gateway = AttributeReader.Address(value) }; break;
                case NetlinkAbi.RTA_VIA when value.Length > 2: route = route with { Gateway = AttributeReader.Address(value[2..]) }; break;
                case NetlinkAbi.RTA_PREFSRC: route = route with { PreferredSource = AttributeReader.Address(value) }; break;
                case NetlinkAbi.RTA_PRIORITY: route = route with { Metric = AttributeReader.UInt32(value) }; break;
                case NetlinkAbi.RTA_TABLE: table = AttributeReader.UInt32(value, table); break;
            }
        }
        return HostBitsAreZero(destination, head.rtm_dst_len) ? route with { Destination = new IPNetwork(destination, head.rtm_dst_len) } : null;
    }

    // IPNetwork's constructor throws for host bits; the kernel never sends any, but bytes are judged before they are believed.
    private static bool HostBitsAreZero(IPAddress address, int prefixLength)
    {
        uint bits = BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());
        return (bits & (uint)(0xFFFF_FFFFUL >> prefixLength)) == 0;
    }
}
