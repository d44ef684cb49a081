namespace Overlay.Encap.Buffers;

/// <summary>
/// The packet memory of one loop: one pinned slab, handed out from front to back and taken back as a whole. Packets of a
/// batch lie close together, whatever their size, so a batch stays in the cache.
/// </summary>
/// <remarks>
/// Owner: the loop that made it; nobody else may call anything. Offsets and spans are valid until <see cref="Reset"/>.
/// The slab never moves, so the kernel may be given its addresses.
/// </remarks>
/// <param name="size">Bytes in all.</param>
/// <param name="fixedBytes">Bytes at the front that are never handed out: the owner's to use as it likes.</param>
public sealed class PacketArena(int size, int fixedBytes = 0)
{
    private const int Alignment = 64;

    private readonly byte[] _slab = GC.AllocateArray<byte>(size, pinned: true);
    private int _next = Align(fixedBytes);

    /// <summary>All of the slab. Offsets of <see cref="Slice"/>s index into it.</summary>
    public Span<byte> Bytes => _slab;

    /// <summary>The bytes of a slice.</summary>
    public Span<byte> this[Slice slice] => _slab.AsSpan(slice.Offset, slice.Length);

    /// <summary>The pinned array itself, for the system call gate.</summary>
    internal byte[] Slab => _slab;

    /// <summary>Finds room for the next packet; nothing is taken before <see cref="Commit"/>.</summary>
    /// <param name="length">Bytes wanted.</param>
    /// <param name="offset">Where they begin, at a cache line.</param>
    /// <returns>False where the arena is too full: flush the batch and <see cref="Reset"/>.</returns>
    public bool TryReserve(int length, out int offset)
    {
        offset = _next;
        return _next + length <= _slab.Length;
    }

    /// <summary>Takes the room that was reserved, up to its end or less.</summary>
    /// <param name="end">Offset behind the last byte in use.</param>
    public void Commit(int end) => _next = Align(end);

    /// <summary>Takes everything back.</summary>
    public void Reset() => _next = Align(fixedBytes);

    private static int Align(int offset) => (offset + Alignment - 1) & -Alignment;
}
