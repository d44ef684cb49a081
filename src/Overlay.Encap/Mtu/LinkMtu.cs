namespace Overlay.Encap.Mtu;

/// <summary>The MTU of the underlay interface: the largest outer IP packet in bytes.</summary>
/// <param name="Bytes">Bytes.</param>
public readonly record struct LinkMtu(int Bytes)
{
    /// <summary>The largest inner packet that fits into one outer packet.</summary>
    public TunMtu ToTunMtu() => new(Bytes - Overhead.OuterIPv4);
}
