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
public sealed record LinkInfo(int Index, string Name, string? Kind, int Mtu, bool IsUp, MacAddress? Mac, uint? VxlanId, ushort? VxlanPort);
