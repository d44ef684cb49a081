namespace Overlay.Encap.Buffers;

/// <summary>
/// Datagrams of one size (the last may be shorter) to one peer from one source port: what a single UDP_SEGMENT send takes.
/// A train of one segment is an ordinary datagram.
/// </summary>
public struct Train
{
    /// <summary>Outer destination, host order.</summary>
    public uint Destination { get; init; }

    /// <summary>Outer TOS octet.</summary>
    public byte Tos { get; init; }

    /// <summary>Slices that make one segment: 1 where it lies in one piece, 2 for a header block and a piece of payload.</summary>
    public int SlicesPerSegment { get; init; }

    /// <summary>Bytes of each segment but the last.</summary>
    public int SegmentSize { get; init; }

    /// <summary>Number of segments.</summary>
    public int Segments { get; internal set; }

    /// <summary>Bytes of all segments.</summary>
    public int Bytes { get; internal set; }

    /// <summary>Where its slices begin within the batch.</summary>
    internal int FirstSlice { get; init; }

    /// <summary>A segment shorter than the first may only be the last.</summary>
    internal readonly bool HasShortEnd => Bytes < Segments * SegmentSize;
}
