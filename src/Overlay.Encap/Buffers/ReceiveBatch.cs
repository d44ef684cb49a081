namespace Overlay.Encap.Buffers;

/// <summary>The buffers of one turn of the inbound loop: fixed slots of one arena, filled by one receive call.</summary>
/// <remarks>Owner: one inbound loop. What a slot holds is valid until the next receive.</remarks>
public sealed class ReceiveBatch
{
    /// <summary>Bytes of a slot: the longest UDP payload, rounded up, so that nothing is ever truncated.</summary>
    public const int SlotSize = 64 * 1024 + 64;

    private readonly Datagram[] _datagrams;

    /// <summary>Makes the slots.</summary>
    /// <param name="slots">Most buffers of one receive call.</param>
    public ReceiveBatch(int slots)
    {
        _datagrams = new Datagram[slots];
        Arena = new PacketArena(slots * SlotSize);
    }

    /// <summary>The memory of the slots.</summary>
    public PacketArena Arena { get; }

    /// <summary>Number of slots.</summary>
    public int Capacity => _datagrams.Length;

    /// <summary>What was received, by slot; the receiver fills the first as many as it returns.</summary>
    public Span<Datagram> Datagrams => _datagrams;

    /// <summary>Where a slot begins in the arena.</summary>
    public static int OffsetOf(int slot) => slot * SlotSize;
}
