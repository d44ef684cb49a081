using System.Net;
using Overlay.Encap.Linux.Abi;

namespace Overlay.Encap.Linux.Netlink;

/// <summary>One address of an interface as the kernel reports it (RTM_NEWADDR).</summary>
/// <param name="LinkIndex">The interface that owns it.</param>
/// <param name="Address">The local address (IFA_LOCAL, or IFA_ADDRESS where there is no other).</param>
/// <param name="PrefixLength">Length of the on-link prefix in bits.</param>
/// <param name="Scope">RT_SCOPE_*: 0 universe, 253 link, 254 host.</param>
/// <param name="Flags">IFA_F_*: 0x01 temporary or secondary, 0x20 deprecated, 0x80 permanent.</param>
public sealed record AddressInfo(int LinkIndex, IPAddress Address, int PrefixLength, byte Scope, uint Flags)
{
    /// <summary>Reads the body of RTM_NEWADDR; null where it is cut short or has no IPv4 or IPv6 address.</summary>
    internal static AddressInfo? Read(ReadOnlySpan<byte> body)
    {
        if (!NetlinkReader.TrySplit(body, out ifaddrmsg head, out AttributeReader attributes)) return null;
        IPAddress? local = null;
        IPAddress? address = null;
        uint flags = head.ifa_flags;
        while (attributes.TryNext(out ushort type, out ReadOnlySpan<byte> value))
        {
            switch (type)
            {
                case NetlinkAbi.IFA_LOCAL: local = AttributeReader.Address(value); break;
                case NetlinkAbi.IFA_ADDRESS: address = AttributeReader.Address(value); break;
                case NetlinkAbi.IFA_FLAGS: flags = AttributeReader.UInt32(value, flags); break;
            }
        }
        return (local ?? address) is IPAddress own ? new AddressInfo(head.ifa_index, own, head.ifa_prefixlen, head.ifa_scope, flags) : null;
    }
}
