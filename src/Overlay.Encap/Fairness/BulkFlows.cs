using Overlay.Encap.Wire;

namespace Overlay.Encap.Fairness;

/// <summary>
/// Which flows move in bulk: those of which a super-packet has left within the last <see cref="Lasts"/> milliseconds. They have queues of
/// their own in the device, the sockets and, by the source port, the peer; all others pass them by.
/// </summary>
/// <remarks>
/// Shared by the loops of a plane, without a lock: what one of them sees late costs a packet its place in a queue, no more. Flows are told
/// apart by a hash; one that has it in common with a flow in bulk counts as such.
/// </remarks>
public sealed class BulkFlows
{
    /// <summary>Bytes that no request, acknowledgement or packet of a slow flow has.</summary>
    public const int LargePacket = 4096;

    /// <summary>Milliseconds for which a flow is in bulk after its last large packet: by then the queues have passed on what they held of it,
    /// and nothing of it is overtaken when it changes over.</summary>
    public const int Lasts = 200;

    private const int SlotBits = 12;

    private readonly long[] _until = new long[1 << SlotBits];

    /// <summary>Told of a packet that leaves.</summary>
    /// <param name="packet">An IPv4 packet whose header has been checked.</param>
    /// <param name="now">The time in milliseconds.</param>
    /// <returns>Whether its flow is in bulk.</returns>
    public bool Leaves(ReadOnlySpan<byte> packet, long now)
    {
        ref long until = ref SlotOf(packet);
        if (packet.Length < LargePacket) return Volatile.Read(ref until) > now;
        Volatile.Write(ref until, now + Lasts);
        return true;
    }

    /// <summary>Whether what leaves of a flow is in bulk, told by a packet of either direction.</summary>
    /// <inheritdoc cref="Leaves"/>
    public bool Contains(ReadOnlySpan<byte> packet, long now) => Volatile.Read(ref SlotOf(packet)) > now;

    private ref long SlotOf(ReadOnlySpan<byte> packet) => ref _until[FlowHash.OfBothWays(packet) >> 32 - SlotBits];
}
