using Overlay.Encap.Buffers;

namespace Overlay.Encap.Devices;

/// <summary>The sending end of the underlay: several source ports ("lanes"), all towards the VXLAN port.</summary>
/// <remarks>One thread. Nothing blocks but <see cref="WaitWritable"/>.</remarks>
public interface IUnderlaySender
{
    /// <summary>Sends trains of a batch in order, each as one datagram or one segmented send.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="first">Index of the first train to send.</param>
    /// <param name="count">Number of trains to send, at least one.</param>
    /// <returns>
    /// The number of trains sent: perhaps not all, then the call is repeated with the rest. A failure is always that of the
    /// first train, and none was sent.
    /// </returns>
    IoResult Send(SendBatch batch, int first, int count);

    /// <summary>Sends one segment of a train as a datagram of its own: the way round a kernel that does not segment.</summary>
    /// <param name="batch">The batch the train belongs to.</param>
    /// <param name="train">The train.</param>
    /// <param name="segment">Which of its segments, from 0.</param>
    IoResult SendSegment(SendBatch batch, in Train train, int segment);

    /// <summary>The UDP source port of a lane.</summary>
    ushort SourcePort(int lane);

    /// <summary>The largest outer packet in bytes that the path to a peer takes, as the kernel knows it now; 0 where it does not.</summary>
    /// <param name="destination">Outer address, host order.</param>
    int PathMtu(uint destination);

    /// <summary>Waits, for a bounded time, until a lane takes datagrams again.</summary>
    /// <returns>False if it still does not, or the plane is being stopped.</returns>
    bool WaitWritable(int lane);
}
