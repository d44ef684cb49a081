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
/// TUN → UDP. One turn of the loop:
/// <list type="number">
/// <item>wait until the device has a packet;</item>
/// <item>read packets into the arena, each behind room for its headers, until the device is empty or the turn is full;</item>
/// <item>judge each: the peer it goes to, or the reason why it goes nowhere;</item>
/// <item>a plain packet: complete its checksum, write VXLAN and Ethernet header in front of it, add it to its flow's lane;</item>
/// <item>a super-packet: send what plain packets wait, then send it whole where something behind us cuts it, else write a header block
/// for each segment, leave the payload where it lies, and send each train that is full; the rest may be joined by the next super-packet
/// of this turn;</item>
/// <item>send what waits in the lanes: one system call each, and in it one send for each run of equal sizes.</item>
/// </list>
/// <see cref="InboundLoop"/> is the mirror.
/// </summary>
/// <remarks>One thread, its own memory. Nothing is allocated, locked or logged after the constructor.</remarks>
public sealed class OutboundLoop
{
    private const int Headroom = 96;   // a TunnelFrame, a multiple of 32
    private const int MaxPacket = 65_535;
    private const int PacketRoom = Headroom + MaxPacket;
    private const int SuperPackets = 4;   // of a turn
    private const int BlockSize = Overhead.Encapsulation + Segmenter.MaxHeader + 18;   // 160: a multiple of 32
    private const int BlocksPerLane = SendBatch.MaxDatagrams;

    private readonly ITunQueue _tun;
    private readonly ForwardingTableRef _table;
    private readonly BulkFlows _flows;
    private readonly int _maxPackets;
    private readonly PacketArena _arena;
    private readonly SendBatch[] _lanes;
    private readonly TrainSender _sender;
    private readonly WholeSender _whole;
    private readonly IcmpResponder _icmp;

    /// <summary>Makes a loop over its two ends.</summary>
    public OutboundLoop(ITunQueue tun, IUnderlaySender underlay, ITunnelPort? tunnelPort, ForwardingTableRef table, BulkFlows flows, DataPlaneOptions options)
    {
        _tun = tun;
        _table = table;
        _flows = flows;
        _maxPackets = Math.Min(options.OutboundPackets, SendBatch.MaxDatagrams);
        int lanes = 2 * options.Lanes, blockBytes = lanes * BlocksPerLane * BlockSize;
        _arena = new PacketArena(blockBytes + SuperPackets * PacketRoom, fixedBytes: blockBytes);
        _lanes = [.. Enumerable.Range(0, lanes).Select(lane => new SendBatch(_arena, lane, options.SegmentsSends ? SendBatch.MaxSegments : 1))];
        _icmp = new IcmpResponder(tun, Counters);
        _sender = new TrainSender(underlay, _icmp, Counters);
        _whole = new WholeSender(tunnelPort, underlay, Counters);
    }

    /// <summary>What this loop has done.</summary>
    public FlowCounters Counters { get; } = new();

    /// <summary>Runs until the plane is stopped.</summary>
    /// <returns>Ok when stopped, else the fault that ended it.</returns>
    public IoResult Run()
    {
        while (_tun.WaitReadable())
        {
            Counters.CountTurn();
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
        long now = Environment.TickCount64;
        _arena.Reset();
        int read = 0;
        IoResult result = IoResult.Done(0);
        while (read < _maxPackets && result.Status == IoStatus.Ok && _arena.TryReserve(PacketRoom, out int room))
        {
            int packetAt = room + Headroom;
            IoResult got = _tun.Read(_arena.Bytes.Slice(packetAt - VirtioNetHeader.Size, VirtioNetHeader.Size + MaxPacket));
            if (got.Status == IoStatus.WouldBlock) break;
            if (got.Status != IoStatus.Ok)
            {
                result = got;
                break;
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
            SendBatch lane = LaneOf(_arena[packet], now);
            if (header.GsoType == VirtioNetHeader.GsoNone) result = AddPlain(packet, header, lane, table, table.Remotes[remote]);
            else result = AddSuper(packet, header, lane, table, table.Remotes[remote]);
        }
        // What was read leaves or is counted, even though the device may be gone.
        foreach (SendBatch lane in _lanes)
        {
            IoResult sent = _sender.Send(lane, table);
            if (result.Status == IoStatus.Ok) result = sent;
        }
        return result.Status == IoStatus.Ok ? IoResult.Done(read) : result;
    }

    // Of each pair of lanes the second is for flows in bulk.
    private SendBatch LaneOf(ReadOnlySpan<byte> packet, long now)
    {
        int pair = (int)((ulong)FlowHash.Of(packet) * (uint)(_lanes.Length / 2) >> 32);
        return _lanes[2 * pair + (_flows.Leaves(packet, now) ? 1 : 0)];
    }

    private IoResult AddPlain(Slice packet, in VirtioNetHeader header, SendBatch lane, ForwardingTable table, in Remote remote)
    {
        Counters.Receive(1);
        Span<byte> bytes = _arena[packet];
        DropReason reason = PartialChecksum.Complete(bytes, header);
        if (reason != DropReason.None)
        {
            Counters.Drop(reason);
            return IoResult.Done(0);
        }
        Slice datagram = new(packet.Offset - Overhead.Encapsulation, Overhead.Encapsulation + packet.Length);
        Encapsulator.WriteHeaders(_arena[datagram], table, remote);
        lane.Add(remote.Endpoint, EcnOf(bytes), datagram);
        return lane.Datagrams < SendBatch.MaxDatagrams ? IoResult.Done(0) : _sender.Send(lane, table);
    }

    private IoResult AddSuper(Slice packet, in VirtioNetHeader header, SendBatch lane, ForwardingTable table, in Remote remote)
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
        IoResult result = SendPlain(table);
        if (result.Status == IoStatus.Ok && _whole.Takes(packet, header, segmenter, remote.Endpoint))
        {
            result = _sender.Send(lane, table);   // what waits of the same flow goes first
            if (result.Status == IoStatus.Ok && _whole.TrySend(_arena, packet, segmenter, lane.Lane, table, remote)) return result;
        }
        int index = 0;
        int blocks = lane.Lane * BlocksPerLane, blockLength = Overhead.Encapsulation + segmenter.HeaderLength;
        for (; index < segmenter.Count && result.Status == IoStatus.Ok; index++)
        {
            Slice block = new((blocks + lane.Datagrams) * BlockSize, blockLength), payload = segmenter.PayloadOf(index);
            Encapsulator.WriteHeaders(_arena[block], table, remote);
            segmenter.WriteHeader(index, _arena[block][Overhead.Encapsulation..]);
            lane.Add(remote.Endpoint, EcnOf(bytes), block, payload with { Offset = packet.Offset + payload.Offset });
            if (lane.HoldsFullTrain || lane.Datagrams == SendBatch.MaxDatagrams) result = _sender.Send(lane, table);
        }
        if (index < segmenter.Count) Counters.Drop(DropReason.SendRejected, segmenter.Count - index);
        return result;
    }

    // A small packet does not wait for the work that a super-packet makes.
    private IoResult SendPlain(ForwardingTable table)
    {
        IoResult result = IoResult.Done(0);
        foreach (SendBatch lane in _lanes)
            if (lane.HoldsPlain && result.Status == IoStatus.Ok) result = _sender.Send(lane, table);
        return result;
    }

    // RFC 6040 section 4.1, normal mode: the inner codepoint as it is; the outer DSCP is 0, as flannel's.
    private static byte EcnOf(ReadOnlySpan<byte> packet) => (byte)(packet[1] & Ecn.Mask);
}
