using System.Runtime.InteropServices;

#pragma warning disable CS8981 // the C spelling is what man pages are searched for

namespace Overlay.Encap.Linux.Abi;

/// <summary>What linux/if_tun.h and linux/if.h declare and Tmds.LibC does not. Tested against the C compiler.</summary>
internal static class TunAbi
{
    /// <summary>IFNAMSIZ: bytes of an interface name with its terminating zero.</summary>
    public const int IFNAMSIZ = 16;

    // Requests; all but TUNSETOFFLOAD (a plain value) take a pointer.
    public const uint TUNSETIFF = 0x400454ca;
    public const uint TUNSETOFFLOAD = 0x400454d0;
    public const uint TUNSETVNETHDRSZ = 0x400454d8;

    // ifreq.ifr_flags of TUNSETIFF.
    public const ushort IFF_TUN = 0x0001;
    public const ushort IFF_TAP = 0x0002;
    public const ushort IFF_MULTI_QUEUE = 0x0100;
    public const ushort IFF_NO_PI = 0x1000;
    public const ushort IFF_VNET_HDR = 0x4000;
    public const ushort IFF_TUN_EXCL = 0x8000;

    // Argument of TUNSETOFFLOAD; the USO bits since Linux 6.2, those of tunnels since 6.17.
    public const uint TUN_F_CSUM = 0x01;
    public const uint TUN_F_TSO4 = 0x02;
    public const uint TUN_F_USO4 = 0x20;
    public const uint TUN_F_USO6 = 0x40;
    public const uint TUN_F_UDP_TUNNEL_GSO = 0x80;
    public const uint TUN_F_UDP_TUNNEL_GSO_CSUM = 0x100;
}

/// <summary>
/// struct ifreq on 64-bit Linux, with the one member of its union that TUNSETIFF reads and writes. The kernel copies all 40
/// bytes in both directions, so the padding is part of the structure.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 40)]
internal unsafe struct ifreq
{
    /// <summary>Interface name, zero-terminated; TUNSETIFF writes the name it chose.</summary>
    public fixed byte ifr_name[TunAbi.IFNAMSIZ];

    /// <summary>IFF_* of <see cref="TunAbi"/>.</summary>
    public ushort ifr_flags;
}
