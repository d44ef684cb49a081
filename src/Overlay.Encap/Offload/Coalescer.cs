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
    private readonly bool _joinsTcp;
    private readonly bool _joinsUdp;
    private readonly Slice[] _single = new Slice[1];
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
    public void Add(Slice at)
    {
        InboundPacket packet = InboundPacket.Inspect(_arena[at]);
        bool joins = packet.IsMergeable && at.Length <= _mtu.Bytes && (packet.Protocol == IPv4View.Tcp ? _joinsTcp : _joinsUdp);

        foreach (Run run in _runs)
        {
            if (!run.IsOfFlow(packet)) continue;
            if (joins && run.TryJoin(packet, at, _arena)) return;
            run.Finish(_arena, _sink);
        }
        if (joins) FreeRun().Begin(packet, at);
        else PassAlone(packet, at);
    }

    /// <summary>Hands over everything that is waiting.</summary>
    public void Flush()
    {
        foreach (Run run in _runs)
            if (run.IsOpen) run.Finish(_arena, _sink);
    }

    // An empty run, or else the next one in turn, after what waits in it has gone.
    private Run FreeRun()
    {
        foreach (Run run in _runs)
            if (!run.IsOpen) return run;
        Run victim = _runs[_victim];
        _victim = (_victim + 1) % Runs;
        victim.Finish(_arena, _sink);
        return victim;
    }

    private void PassAlone(in InboundPacket packet, Slice at)
    {
        VirtioNetHeader header = !packet.IsPartial ? default
            : packet.Protocol == IPv4View.Tcp && at.Length > _mtu.Bytes ? Run.Gso(packet, _mtu.Bytes - packet.HeaderLength)
            : Run.Partial(packet);
        header.Write(_arena.Bytes[(at.Offset - VirtioNetHeader.Size)..]);
        _single[0] = new Slice(at.Offset - VirtioNetHeader.Size, VirtioNetHeader.Size + at.Length);
        _sink.Write(_single, 1, at.Length);
    }
}
