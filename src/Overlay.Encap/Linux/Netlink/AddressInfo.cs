using System.Net;

namespace Overlay.Encap.Linux.Netlink;

/// <summary>One address of an interface as the kernel reports it (RTM_NEWADDR).</summary>
/// <param name="LinkIndex">The interface that owns it.</param>
/// <param name="Address">The local address (IFA_LOCAL, or IFA_ADDRESS where there is no other).</param>
/// <param name="PrefixLength">Length of the on-link prefix in bits.</param>
/// <param name="Scope">RT_SCOPE_*: 0 universe, 253 link, 254 host.</param>
/// <param name="Flags">IFA_F_*: 0x01 temporary or secondary, 0x20 deprecated, 0x80 permanent.</param>
public sealed record AddressInfo(int LinkIndex, IPAddress Address, int PrefixLength, byte Scope, uint Flags);
