namespace Overlay.Encap.Buffers;

/// <summary>A range of one <see cref="PacketArena"/>.</summary>
/// <param name="Offset">Bytes from the start of the arena.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct Slice(int Offset, int Length);
