using Overlay.Encap.Buffers;
using Overlay.Encap.Checksums;
using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Offload;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Flow;

/// <summary>
/// TUN → UDP. One turn of the loop:
/// <list type="number">
/// <item>wait until the device has a packet;</item>
/// <item>read packets into the arena, each behind room for its headers, until the device is empty, a super-packet came, or the turn is full;</item>
/// <item>judge each: the peer it goes to, or the reason why it goes nowhere;</item>
/// <item>a plain packet: complete its checksum, write VXLAN and Ethernet header in front of it, add it to the batch;</item>
/// <item>a super-packet: write a header block for each segment, leave the payload where it lies;</item>
/// <item>send the batch: one system call for each run of equal sizes.</item>
/// </list>
/// <see cref="InboundLoop"/> is the mirror.
/// </summary>
/// <remarks>One thread, its own memory. Nothing is allocated, locked or logged after the constructor.</remarks>
public sealed class OutboundLoop
{
    private const int Headroom = 64;
    private const int MaxPacket = 65_535;
    private const int PacketRoom = Headroom + MaxPacket;
    private const int BlockSize = Overhead.Encapsulation + Segmenter.MaxHeader + 18;   // 160: a multiple of 32
    private const int BlockBytes = SendBatch.MaxSegments * BlockSize;

    private readonly ITunQueue _tun;
    private readonly ForwardingTableRef _table;
    private readonly int _maxPackets;
    private readonly PacketArena _arena;
    private readonly SendBatch _batch;
    private readonly TrainSender _sender;
    private readonly IcmpResponder _icmp;
    private readonly int _maxSegments;

    /// <summary>Makes a loop over its two ends.</summary>
    public OutboundLoop(ITunQueue tun, IUnderlaySender underlay, ForwardingTableRef table, DataPlaneOptions options)
    {
        _tun = tun;
        _table = table;
        _maxPackets = Math.Min(options.OutboundPackets, SendBatch.MaxDatagrams);
        _maxSegments = options.SegmentsSends ? SendBatch.MaxSegments : 1;
        _arena = new PacketArena(BlockBytes + 3 * PacketRoom, fixedBytes: BlockBytes);
        _batch = new SendBatch(_arena, options.Lanes, _maxSegments);
        _icmp = new IcmpResponder(tun, Counters);
        _sender = new TrainSender(underlay, _icmp, Counters);
    }

    /// <summary>What this loop has done.</summary>
    public FlowCounters Counters { get; } = new();

    /// <summary>Runs until the plane is stopped.</summary>
    /// <returns>Ok when stopped, else the fault that ended it.</returns>
    public IoResult Run()
    {
        while (_tun.WaitReadable())
        {
            IoResult result = Turn();
            if (result.Status != IoStatus.Ok) return result;
        }
        return IoResult.Done(0);
    }

    /// <summary>One turn: all that can be read now, up to the turn's bounds.</summary>
    /// <returns>Ok with the number of packets read, or the fault that ends the plane.</returns>
    public IoResult Turn()
    {
        ForwardingTable table = _table.Current;
        _arena.Reset();
        int read = 0;
        bool tookSuper = false;
        while (read < _maxPackets && !tookSuper && _arena.TryReserve(PacketRoom, out int room))
        {
            int packetAt = room + Headroom;
            IoResult got = _tun.Read(_arena.Bytes.Slice(packetAt - VirtioNetHeader.Size, VirtioNetHeader.Size + MaxPacket));
            if (got.Status == IoStatus.WouldBlock) break;
            if (got.Status != IoStatus.Ok)
            {
                _sender.Send(_batch, table);   // what was read leaves or is counted, though the device is gone
                return got;
            }
            read++;

            VirtioNetHeader header = VirtioNetHeader.Read(_arena.Bytes[(packetAt - VirtioNetHeader.Size)..]);
            Slice packet = new(packetAt, Math.Max(0, got.Count - VirtioNetHeader.Size));
            DropReason reason = Encapsulator.Route(_arena[packet], table, out int remote, out int length);
            if (reason != DropReason.None)
            {
                Counters.Receive(1);
                Counters.Drop(reason);
                if (reason == DropReason.NoRoute) _icmp.Answer(_arena[packet], IcmpError.NetUnreachable);
                continue;
            }
            packet = packet with { Length = length };
            _arena.Commit(packetAt + length);
            if (header.GsoType == VirtioNetHeader.GsoNone)
            {
                AddPlain(packet, header, table, table.Remotes[remote]);
            }
            else
            {
                IoResult sent = SendSuper(packet, header, table, table.Remotes[remote]);
                if (sent.Status != IoStatus.Ok) return sent;
                tookSuper = true;
            }
        }
        IoResult result = _sender.Send(_batch, table);
        return result.Status == IoStatus.Ok ? IoResult.Done(read) : result;
    }

    private void AddPlain(Slice packet, in VirtioNetHeader header, ForwardingTable table, in Remote remote)
    {
        Counters.Receive(1);
        Span<byte> bytes = _arena[packet];
        DropReason reason = PartialChecksum.Complete(bytes, header);
        if (reason != DropReason.None)
        {
            Counters.Drop(reason);
            return;
        }
        Slice datagram = new(packet.Offset - Overhead.Encapsulation, Overhead.Encapsulation + packet.Length);
        Encapsulator.WriteHeaders(_arena[datagram], table, remote);
        _batch.Add(remote.Endpoint, _batch.LaneOf(FlowHash.Of(bytes)), EcnOf(bytes), datagram);
    }

    private IoResult SendSuper(Slice packet, in VirtioNetHeader header, ForwardingTable table, in Remote remote)
    {
        ReadOnlySpan<byte> bytes = _arena[packet];
        DropReason reason = Segmenter.TryCreate(bytes, header, out Segmenter segmenter);
        if (reason != DropReason.None)
        {
            Counters.Receive(1);
            Counters.Drop(reason);
            return IoResult.Done(0);
        }
        Counters.Receive(segmenter.Count);
        IoResult result = _sender.Send(_batch, table);   // what was read before leaves before
        int lane = _batch.LaneOf(FlowHash.Of(bytes)), blockLength = Overhead.Encapsulation + segmenter.HeaderLength;
        int segmentSize = blockLength + segmenter.PayloadPerSegment;
        int perTrain = Math.Clamp(SendBatch.MaxBytes / segmentSize, 1, _maxSegments);
        for (int index = 0; index < segmenter.Count && result.Status == IoStatus.Ok; index++)
        {
            int inTrain = index % perTrain;
            if (inTrain == 0) _batch.BeginSuper(remote.Endpoint, lane, EcnOf(bytes), segmentSize);
            Slice block = new(inTrain * BlockSize, blockLength), payload = segmenter.PayloadOf(index);
            Encapsulator.WriteHeaders(_arena[block], table, remote);
            segmenter.WriteHeader(index, _arena[block][Overhead.Encapsulation..]);
            _batch.AddSegment(block, payload with { Offset = packet.Offset + payload.Offset });
            if (inTrain == perTrain - 1) result = _sender.Send(_batch, table);
        }
        return result.Status == IoStatus.Ok ? _sender.Send(_batch, table) : result;
    }

    // RFC 6040 section 4.1, normal mode: the inner codepoint as it is; the outer DSCP is 0, as flannel's.
    private static byte EcnOf(ReadOnlySpan<byte> packet) => (byte)(packet[1] & Ecn.Mask);
}
