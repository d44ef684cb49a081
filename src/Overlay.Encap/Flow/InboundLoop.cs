using Overlay.Encap.Buffers;
using Overlay.Encap.Checksums;
using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Fairness;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Offload;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Flow;

/// <summary>
/// UDP → TUN. One turn of the loop:
/// <list type="number">
/// <item>wait until the socket has a datagram;</item>
/// <item>receive as many buffers as one system call gives; each may hold many datagrams of one sender;</item>
/// <item>judge the sender, then each datagram: the inner packet, or the reason why it goes nowhere;</item>
/// <item>carry the outer congestion mark over to the inner header;</item>
/// <item>join consecutive packets of a flow where they lie;</item>
/// <item>write packets and super-packets to the device, each with one system call.</item>
/// </list>
/// <see cref="OutboundLoop"/> is the mirror.
/// </summary>
/// <remarks>One thread, its own memory. Nothing is allocated, locked or logged after the constructor.</remarks>
public sealed class InboundLoop : IRunSink
{
    private readonly ITunQueue _tun;
    private readonly IUnderlayReceiver _underlay;
    private readonly ForwardingTableRef _table;
    private readonly BulkFlows _flows;
    private readonly ReceiveBatch _batch;
    private readonly Coalescer _coalescer;
    private IoResult _fault = IoResult.Done(0);
    private long _now;   // ms, of the turn

    /// <summary>Makes a loop over its two ends.</summary>
    public InboundLoop(ITunQueue tun, IUnderlayReceiver underlay, ForwardingTableRef table, BulkFlows flows, TunMtu mtu, DataPlaneOptions options)
    {
        _tun = tun;
        _underlay = underlay;
        _table = table;
        _flows = flows;
        _batch = new ReceiveBatch(options.InboundBuffers);
        _coalescer = new Coalescer(_batch.Arena, this, mtu, options.JoinsTcp, options.JoinsUdp);
    }

    /// <summary>What this loop has done.</summary>
    public FlowCounters Counters { get; } = new();

    /// <summary>Runs until the plane is stopped.</summary>
    /// <returns>Ok when stopped, else the fault that ended it.</returns>
    public IoResult Run()
    {
        while (_underlay.WaitReadable())
        {
            Counters.CountTurn();
            IoResult result = Turn();
            if (result.Status != IoStatus.Ok) return result;
        }
        return IoResult.Done(0);
    }

    /// <summary>One turn: what one receive call gives.</summary>
    /// <returns>Ok with the number of buffers received, or the fault that ends the plane.</returns>
    public IoResult Turn()
    {
        IoResult got = _underlay.Receive(_batch);
        if (got.Status == IoStatus.Fatal) return got;
        ForwardingTable table = _table.Current;
        _now = Environment.TickCount64;
        for (int slot = 0; slot < got.Count; slot++) Take(slot, table);
        _coalescer.Flush();
        return _fault.Status == IoStatus.Ok ? IoResult.Done(got.Count) : _fault;
    }

    bool IRunSink.TryWrite(ReadOnlySpan<Slice> pieces, int packets, int bytes)
    {
        bool isBulk = _flows.Contains(_batch.Arena[pieces[0]][VirtioNetHeader.Size..], _now);
        IoResult result = _tun.Write(_batch.Arena, pieces, isBulk);
        if (result.Status == IoStatus.Ok)
        {
            Counters.Deliver(packets, bytes);
            return true;
        }
        if (result.Status == IoStatus.Unsupported && packets > 1)
        {
            Counters.CountJoinFallback();
            return false;
        }
        Counters.Drop(DropReason.TunRejected, packets);
        if (result.Status == IoStatus.Fatal) _fault = result;
        return true;
    }

    private void Take(int slot, ForwardingTable table)
    {
        Datagram buffer = _batch.Datagrams[slot];
        int begin = ReceiveBatch.OffsetOf(slot), end = begin + buffer.Length, innerSize = 0;
        if (IsOneDatagram(buffer, _batch.Arena.Bytes[begin..end])) (innerSize, buffer) = (buffer.SegmentSize, buffer with { SegmentSize = buffer.Length });
        int datagrams = Math.Max(1, (buffer.Length + buffer.SegmentSize - 1) / buffer.SegmentSize);
        Counters.Receive(datagrams);
        DropReason reason = buffer.IsTruncated ? DropReason.Truncated : Decapsulator.JudgeSource(buffer.Source, table);
        if (reason != DropReason.None)
        {
            Counters.Drop(reason, datagrams);
            return;
        }
        for (int i = 0; i < datagrams; i++)
        {
            int at = begin + i * buffer.SegmentSize;
            reason = TakeOne(new Slice(at, Math.Min(buffer.SegmentSize, end - at)), buffer, innerSize, table);
            if (reason != DropReason.None) Counters.Drop(reason);
        }
    }

    // A kernel peer over a link with tunnel segmentation sends an inner UDP super-packet in one piece. The segment size the
    // kernel reports is then that of the inner datagrams: the inner packet fills the buffer, where joined ones would end at the first cut.
    private static bool IsOneDatagram(in Datagram buffer, ReadOnlySpan<byte> bytes) =>
        buffer.SegmentSize < buffer.Length && bytes.Length >= Decapsulator.PacketAt + IPv4View.MinHeader
        && new IPv4View(bytes[Decapsulator.PacketAt..]).TotalLength == bytes.Length - Decapsulator.PacketAt;

    private DropReason TakeOne(Slice datagram, in Datagram buffer, int innerSize, ForwardingTable table)
    {
        DropReason reason = Decapsulator.Judge(_batch.Arena[datagram], buffer.Source, table, out int length, out bool foreignMac);
        if (reason != DropReason.None) return reason;
        if (foreignMac) Counters.CountForeignMac();

        Slice packet = new(datagram.Offset + Decapsulator.PacketAt, length);
        if ((buffer.Tos & Ecn.Mask) != Ecn.NotEct && !MergeEcn(_batch.Arena[packet], buffer.Tos)) return DropReason.Ecn;
        _coalescer.Add(packet, innerSize);
        return DropReason.None;
    }

    // RFC 6040 section 4.2. An outer Not-ECT changes nothing, so it never comes here.
    private bool MergeEcn(Span<byte> packet, byte outer)
    {
        byte inner = packet[1];
        if (Ecn.IsOdd(inner, outer)) Counters.CountEcnOdd();
        int merged = Ecn.Decapsulate(inner, outer);
        if (merged == Ecn.Drop) return false;
        byte tos = (byte)(inner & ~Ecn.Mask | merged);
        if (tos == inner) return true;
        packet[1] = tos;
        InternetChecksum.Update(packet.Slice(IPv4View.ChecksumAt, 2), packet[0] << 8 | inner, packet[0] << 8 | tos);
        return true;
    }
}
