using Overlay.Encap.Buffers;

namespace Overlay.Encap.Offload;

/// <summary>Takes what a <see cref="Coalescer"/> has finished.</summary>
public interface IRunSink
{
    /// <summary>Takes one packet or super-packet.</summary>
    /// <param name="pieces">Where it lies, in order; the first begins with a virtio-net header. Valid during the call.</param>
    /// <param name="packets">How many packets it stands for.</param>
    /// <param name="bytes">Their bytes, IP headers included.</param>
    void Write(ReadOnlySpan<Slice> pieces, int packets, int bytes);
}
