using Overlay.Encap.Buffers;

namespace Overlay.Encap.Devices;

/// <summary>The receiving end of the underlay: UDP datagrams addressed to our VTEP.</summary>
/// <remarks>One thread. Nothing blocks but <see cref="WaitReadable"/>.</remarks>
public interface IUnderlayReceiver
{
    /// <summary>Waits until a datagram can be received, or a while has passed.</summary>
    /// <returns>False once the plane is being stopped.</returns>
    bool WaitReadable();

    /// <summary>Receives into the slots of <paramref name="batch"/>, from the first on.</summary>
    /// <returns>The number of slots filled.</returns>
    IoResult Receive(ReceiveBatch batch);
}
