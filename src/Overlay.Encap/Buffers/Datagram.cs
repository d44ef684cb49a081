namespace Overlay.Encap.Buffers;

/// <summary>One received buffer: a datagram, or several of one size that the kernel joined (UDP_GRO).</summary>
/// <param name="Length">Bytes received.</param>
/// <param name="SegmentSize">Bytes of each datagram but the last; <paramref name="Length"/> or more where there is only one. At least 1.</param>
/// <param name="Source">Outer source address, host order.</param>
/// <param name="Tos">Outer TOS octet; 0 where the kernel did not say.</param>
/// <param name="IsTruncated">The buffer was too small, so the end is missing.</param>
public readonly record struct Datagram(int Length, int SegmentSize, uint Source, byte Tos, bool IsTruncated);
