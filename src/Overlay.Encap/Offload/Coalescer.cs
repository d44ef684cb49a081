using Overlay.Encap.Buffers;
using Overlay.Encap.Mtu;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Offload;

/// <summary>
/// Joins consecutive packets of a flow into super-packets for the TUN device, and passes on alone what may not be joined.
/// The order within a flow is kept; nothing is held beyond <see cref="Flush"/>.
/// </summary>
/// <remarks>
/// Owner: one inbound loop. Packets are added where they lie in its arena, with the bytes of the headers that were in
/// front of them free to be written over.
/// </remarks>
public sealed class Coalescer
{
    private const int Runs = 4;

    private readonly Run[] _runs;
    private readonly PacketArena _arena;
    private readonly IRunSink _sink;
    private readonly TunMtu _mtu;
    private bool _joinsTcp;
    private bool _joinsUdp;
    private int _victim;

    /// <summary>Makes one.</summary>
    /// <param name="arena">The memory that packets are added from.</param>
    /// <param name="sink">Takes what is finished.</param>
    /// <param name="mtu">MTU of the TUN device: what a super-packet that came in one piece is to be cut to (FAULTS G12).</param>
    /// <param name="joinsTcp">Whether the device takes TCP super-packets.</param>
    /// <param name="joinsUdp">Whether the device takes UDP super-packets.</param>
    public Coalescer(PacketArena arena, IRunSink sink, TunMtu mtu, bool joinsTcp, bool joinsUdp)
    {
        (_arena, _sink, _mtu, _joinsTcp, _joinsUdp) = (arena, sink, mtu, joinsTcp, joinsUdp);
        _runs = [.. Enumerable.Range(0, Runs).Select(_ => new Run())];
    }

    /// <summary>Adds one packet that has been judged.</summary>
    /// <param name="at">The packet without padding; at least <see cref="VirtioNetHeader.Size"/> free bytes lie in front of it.</param>
    /// <param name="datagramSize">
    /// For a UDP super-packet that came in one piece: the payload bytes of each datagram in it. Otherwise 0.
    /// </param>
    public void Add(Slice at, int datagramSize = 0)
    {
        InboundPacket packet = InboundPacket.Inspect(_arena[at]);
        bool joins = packet.IsMergeable && at.Length <= _mtu.Bytes && (packet.Protocol == IPv4View.Tcp ? _joinsTcp : _joinsUdp);

        foreach (Run run in _runs)
        {
            if (!run.IsOfFlow(packet)) continue;
            if (joins && run.TryJoin(packet, at, _arena)) return;
            Finish(run);
        }
        if (joins) FreeRun().Begin(packet, at);
        else PassAlone(packet, at, datagramSize);
    }

    /// <summary>Hands over everything that is waiting.</summary>
    public void Flush()
    {
        foreach (Run run in _runs)
            if (run.IsOpen) Finish(run);
    }

    // A device that refuses one super-packet of a kind is not asked again.
    private void Finish(Run run)
    {
        if (run.Finish(_arena, _sink)) return;
        if (run.Protocol == IPv4View.Tcp) _joinsTcp = false;
        else _joinsUdp = false;
    }

    // An empty run, or else the next one in turn, after what waits in it has gone.
    private Run FreeRun()
    {
        foreach (Run run in _runs)
            if (!run.IsOpen) return run;
        Run victim = _runs[_victim];
        _victim = (_victim + 1) % Runs;
        Finish(victim);
        return victim;
    }

    private void PassAlone(in InboundPacket packet, Slice at, int datagramSize)
    {
        // What the sender's kernel left unsegmented, it left without checksum too.
        int segment = !packet.IsPartial || at.Length <= _mtu.Bytes ? 0
            : packet.Protocol == IPv4View.Tcp ? _mtu.Bytes - packet.HeaderLength : datagramSize;
        VirtioNetHeader header = !packet.IsPartial ? default : segment > 0 ? Run.Gso(packet, segment) : Run.Partial(packet);
        Slice piece = Run.WithVirtioHeader(at);
        header.Write(_arena.Bytes[piece.Offset..]);
        _sink.TryWrite(new ReadOnlySpan<Slice>(in piece), 1, at.Length);
    }
}
