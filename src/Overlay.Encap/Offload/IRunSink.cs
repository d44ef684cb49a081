using Overlay.Encap.Buffers;

namespace Overlay.Encap.Offload;

/// <summary>Takes what a <see cref="Coalescer"/> has finished.</summary>
public interface IRunSink
{
    /// <summary>Takes one packet or super-packet.</summary>
    /// <param name="pieces">Where it lies, in order; the first begins with a virtio-net header. Valid during the call.</param>
    /// <param name="packets">How many packets it stands for.</param>
    /// <param name="bytes">Their bytes, IP headers included.</param>
    /// <returns>
    /// False for a super-packet that is refused because it is one: the same packets follow one by one. For anything else the
    /// answer does not matter: delivered or counted as lost, the sink is done with it.
    /// </returns>
    bool TryWrite(ReadOnlySpan<Slice> pieces, int packets, int bytes);
}
