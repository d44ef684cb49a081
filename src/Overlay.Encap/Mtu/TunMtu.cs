namespace Overlay.Encap.Mtu;

/// <summary>The MTU of the overlay: the largest inner IP packet in bytes, what Docker has to be told.</summary>
/// <param name="Bytes">Bytes.</param>
public readonly record struct TunMtu(int Bytes)
{
    /// <summary>The least that IPv4 lets a link have, in bytes (RFC 791 section 3.2).</summary>
    public const int Minimum = 68;
}
