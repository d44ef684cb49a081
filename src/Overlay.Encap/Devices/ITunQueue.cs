using Overlay.Encap.Buffers;

namespace Overlay.Encap.Devices;

/// <summary>
/// A worker's end of a TUN device: whole IP packets, each behind a virtio-net header, and super-packets where the kernel makes
/// or takes them. Flows that move in bulk wait in a queue of their own, and both queues are read in turns.
/// </summary>
/// <remarks>
/// One thread reads. Writes are single system calls, so two threads may write at once. Nothing blocks but
/// <see cref="WaitReadable"/>.
/// </remarks>
public interface ITunQueue
{
    /// <summary>Waits until a packet can be read, the device is in trouble, or a while has passed.</summary>
    /// <returns>False once the plane is being stopped.</returns>
    bool WaitReadable();

    /// <summary>Reads one virtio-net header and packet.</summary>
    /// <returns>Bytes read, header included. Any failure but <see cref="IoStatus.WouldBlock"/> ends the plane.</returns>
    IoResult Read(Span<byte> destination);

    /// <summary>Writes one packet given in pieces; the first begins with the virtio-net header.</summary>
    /// <param name="arena">Holds the pieces.</param>
    /// <param name="pieces">The pieces.</param>
    /// <param name="isBulk">In which queue later packets of the same flow, of the other direction, shall wait.</param>
    /// <returns>Bytes written.</returns>
    IoResult Write(PacketArena arena, ReadOnlySpan<Slice> pieces, bool isBulk);
}
