namespace Overlay.Encap.Devices;

/// <summary>
/// A way to the network for super-packets that stay whole: behind it the network card, or the kernel in front of one that cannot, cuts the
/// inner packet and repeats the outer headers (tunnel segmentation).
/// </summary>
/// <remarks>Any thread may send. Nothing blocks.</remarks>
public interface ITunnelPort
{
    /// <summary>Outer source address of what is sent here, host order.</summary>
    uint Address { get; }

    /// <summary>UDP port of the peers.</summary>
    ushort Port { get; }

    /// <summary>Whether a peer can be reached this way.</summary>
    /// <param name="endpoint">Its outer address, host order.</param>
    bool Reaches(uint endpoint);

    /// <summary>Sends one super-packet.</summary>
    /// <param name="frame">As <see cref="Codec.TunnelFrame"/> lays it out.</param>
    IoResult Send(ReadOnlySpan<byte> frame);
}
