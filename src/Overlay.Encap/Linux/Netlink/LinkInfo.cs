using System.Buffers.Binary;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Linux.Netlink;

/// <summary>One network interface as the kernel reports it (RTM_NEWLINK).</summary>
/// <param name="Index">Interface index, valid in this network namespace only.</param>
/// <param name="Name">Interface name, at most 15 bytes.</param>
/// <param name="Kind">IFLA_INFO_KIND (<c>tun</c>, <c>vxlan</c>, <c>bridge</c>, <c>veth</c>, ...), or null for a plain device.</param>
/// <param name="Mtu">Largest packet in bytes, without the link header.</param>
/// <param name="IsUp">Whether IFF_UP is set.</param>
/// <param name="Mac">The hardware address, or null where the link has none of 48 bits (a TUN).</param>
/// <param name="VxlanId">The VNI of a kernel vxlan device, else null.</param>
/// <param name="VxlanPort">The UDP destination port of a kernel vxlan device, else null.</param>
public sealed record LinkInfo(int Index, string Name, string? Kind, int Mtu, bool IsUp, MacAddress? Mac, uint? VxlanId, ushort? VxlanPort)
{
    /// <summary>Index of the bridge (or bond) it is a port of, else null.</summary>
    public int? Master { get; init; }

    /// <summary>Packets that may wait to be sent (for a TUN: to be read).</summary>
    public int TxQueueLength { get; init; }

    /// <summary>Largest IPv4 super-packet in bytes that the device is given.</summary>
    public int GsoMaxSize { get; init; }

    /// <summary>Reads the body of RTM_NEWLINK; null where it is cut short or has no name.</summary>
    internal static LinkInfo? Read(ReadOnlySpan<byte> body)
    {
        if (!NetlinkReader.TrySplit(body, out ifinfomsg head, out AttributeReader attributes)) return null;
        LinkInfo link = new(head.ifi_index, "", null, 0, (head.ifi_flags & NetlinkAbi.IFF_UP) != 0, null, null, null);
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
        {
            link = type switch
            {
                NetlinkAbi.IFLA_IFNAME => link with { Name = AttributeReader.Text(value) },
                NetlinkAbi.IFLA_MTU => link with { Mtu = (int)AttributeReader.UInt32(value) },
                NetlinkAbi.IFLA_MASTER => link with { Master = (int)AttributeReader.UInt32(value) },
                NetlinkAbi.IFLA_TXQLEN => link with { TxQueueLength = (int)AttributeReader.UInt32(value) },
                NetlinkAbi.IFLA_GSO_MAX_SIZE or NetlinkAbi.IFLA_GSO_IPV4_MAX_SIZE => link.WithGsoMaxSize((int)AttributeReader.UInt32(value)),
                NetlinkAbi.IFLA_ADDRESS when value.Length == MacAddress.Size => link with { Mac = MacAddress.Read(value) },
                NetlinkAbi.IFLA_LINKINFO => link.WithKind(new AttributeReader(value)),
                _ => link,
            };
        }
        return link.Name.Length > 0 ? link : null;
    }

    // Both limits hold for IPv4, in whichever order they come.
    private LinkInfo WithGsoMaxSize(int bytes) => this with { GsoMaxSize = GsoMaxSize == 0 ? bytes : Math.Min(GsoMaxSize, bytes) };

    private LinkInfo WithKind(AttributeReader attributes)
    {
        LinkInfo link = this;
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
        {
            // The kernel puts the kind before its data.
            if (type == NetlinkAbi.IFLA_INFO_KIND) link = link with { Kind = AttributeReader.Text(value) };
            else if (type == NetlinkAbi.IFLA_INFO_DATA && link.Kind == "vxlan") link = link.WithVxlan(new AttributeReader(value));
        }
        return link;
    }

    private LinkInfo WithVxlan(AttributeReader attributes)
    {
        LinkInfo link = this;
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
        {
            if (type == NetlinkAbi.IFLA_VXLAN_ID && value.Length >= sizeof(uint)) link = link with { VxlanId = AttributeReader.UInt32(value) };
            if (type == NetlinkAbi.IFLA_VXLAN_PORT && BinaryPrimitives.TryReadUInt16BigEndian(value, out ushort port))
                link = link with { VxlanPort = port };
        }
        return link;
    }
}
