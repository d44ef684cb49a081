using Overlay.Encap.Wire;

namespace Overlay.Encap.Mtu;

/// <summary>The one sum of header sizes. Everything that adds or subtracts an encapsulation takes it from here.</summary>
public static class Overhead
{
    /// <summary>VXLAN and inner Ethernet header: what this agent writes in front of a packet, in bytes.</summary>
    public const int Encapsulation = VxlanHeader.Size + EthernetHeader.Size;

    /// <summary>Outer IPv4 (20) and UDP (8) header with <see cref="Encapsulation"/>: 50 bytes.</summary>
    public const int OuterIPv4 = 20 + 8 + Encapsulation;
}
