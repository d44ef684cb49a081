namespace Overlay.Encap.Counters;

/// <summary>
/// What one loop has done, since it began. <c>Received = Delivered + sum of drops</c>, whenever no batch is in the making.
/// A super-packet counts as the packets it is cut into or was joined from; as one where it is dropped before it is cut, and
/// where a peer sent it in one piece.
/// </summary>
/// <remarks>Written by the loop's thread only, with plain adds; read by anybody through <see cref="Snapshot"/>.</remarks>
public sealed class FlowCounters
{
    private readonly long[] _drops = new long[Enum.GetValues<DropReason>().Length];
    private long _turns;
    private long _received;
    private long _delivered;
    private long _deliveredBytes;
    private long _ecnOdd;
    private long _foreignMac;
    private long _segmentFallbacks;
    private long _joinFallbacks;
    private long _icmpSent;

    /// <summary>How often the loop has turned, with or without a packet: what stands still tells of a loop that hangs.</summary>
    public long Turns => Volatile.Read(ref _turns);

    /// <summary>A turn begins.</summary>
    public void CountTurn() => _turns++;

    /// <summary>Packets taken from the device or socket.</summary>
    public void Receive(int packets) => _received += packets;

    /// <summary>Packets handed on, and their bytes from the inner IP header on (inbound) or of the UDP payload (outbound).</summary>
    public void Deliver(int packets, int bytes)
    {
        _delivered += packets;
        _deliveredBytes += bytes;
    }

    /// <summary>Packets lost.</summary>
    public void Drop(DropReason reason, int packets = 1) => _drops[(int)reason] += packets;

    /// <summary>An ECN pair that no well-behaved tunnel produces.</summary>
    public void CountEcnOdd() => _ecnOdd++;

    /// <summary>A packet that passed under a MAC that is not its sender's.</summary>
    public void CountForeignMac() => _foreignMac++;

    /// <summary>A train that the kernel would not segment (not: one too long for its path) and that was sent again piece by piece.</summary>
    public void CountSegmentFallback() => _segmentFallbacks++;

    /// <summary>A super-packet that the TUN device refused and that was written again packet by packet.</summary>
    public void CountJoinFallback() => _joinFallbacks++;

    /// <summary>An ICMP error sent to a local sender.</summary>
    public void CountIcmp() => _icmpSent++;

    /// <summary>A copy of all counts, each read once.</summary>
    public FlowSnapshot Snapshot()
    {
        long[] drops = new long[_drops.Length];
        for (int i = 0; i < drops.Length; i++) drops[i] = Volatile.Read(ref _drops[i]);
        return new FlowSnapshot(
            Volatile.Read(ref _received), Volatile.Read(ref _delivered), Volatile.Read(ref _deliveredBytes), drops,
            Volatile.Read(ref _ecnOdd), Volatile.Read(ref _foreignMac), Volatile.Read(ref _segmentFallbacks), Volatile.Read(ref _joinFallbacks),
            Volatile.Read(ref _icmpSent));
    }
}
