using System.Diagnostics;
using Overlay.Encap.Buffers;
using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Offload;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Flow;

/// <summary>Sends TCP super-packets whole where a port for them reaches the peer; where it does not, or refuses, they are cut here as ever.</summary>
/// <remarks>Owner: one outbound loop. Nothing is allocated after the constructor.</remarks>
internal sealed class WholeSender(ITunnelPort? port, IUnderlaySender underlay, FlowCounters counters)
{
    private const int PathsRemembered = 64;

    private static readonly long Second = Stopwatch.Frequency;

    private readonly Path[] _paths = new Path[PathsRemembered];
    private long _refusedUntil = long.MinValue;

    /// <summary>Whether a super-packet can go whole. What waits of its flow is to be sent before it then.</summary>
    /// <param name="packet">The inner packet.</param>
    /// <param name="header">The virtio-net header it came with.</param>
    /// <param name="segmenter">What it would be cut into.</param>
    /// <param name="endpoint">The peer's outer address, host order.</param>
    public bool Takes(Slice packet, in VirtioNetHeader header, in Segmenter segmenter, uint endpoint)
    {
        if (port is null || !port.Reaches(endpoint)) return false;
        if (header.GsoType != VirtioNetHeader.GsoTcp4 || (header.Flags & VirtioNetHeader.NeedsChecksum) == 0 || packet.Length > TunnelFrame.MaxInner) return false;
        long now = Stopwatch.GetTimestamp();
        return now >= _refusedUntil && Overhead.OuterIPv4 + segmenter.HeaderLength + segmenter.PayloadPerSegment <= PathMtu(endpoint, now);
    }

    /// <summary>Sends one that <see cref="Takes"/> was true for.</summary>
    /// <param name="arena">Holds it, with room for <see cref="TunnelFrame.Size"/> bytes before it.</param>
    /// <param name="packet">The inner packet.</param>
    /// <param name="segmenter">What it would be cut into.</param>
    /// <param name="lane">The source port.</param>
    /// <param name="table">The table in force.</param>
    /// <param name="remote">The peer.</param>
    /// <returns>Whether it is sent. If not, it is as it was, but for the room before it.</returns>
    public bool TrySend(PacketArena arena, Slice packet, in Segmenter segmenter, int lane, ForwardingTable table, in Remote remote)
    {
        Span<byte> frame = arena[new Slice(packet.Offset - TunnelFrame.Size, TunnelFrame.Size + packet.Length)];
        OuterHeader outer = new(port!.Address, remote.Endpoint, underlay.SourcePort(lane), port.Port, (byte)(new IPv4View(arena[packet]).Tos & Ecn.Mask));
        Encapsulator.WriteHeaders(TunnelFrame.Encapsulation(frame), table, remote);
        TunnelFrame.Write(frame, outer, segmenter.HeaderLength, segmenter.PayloadPerSegment);
        if (port.Send(frame).Status != IoStatus.Ok)
        {
            counters.CountSegmentFallback();
            _refusedUntil = Stopwatch.GetTimestamp() + Second;
            return false;
        }
        counters.Deliver(segmenter.Count, segmenter.Count * (Overhead.Encapsulation + segmenter.HeaderLength) + packet.Length - segmenter.HeaderLength);
        return true;
    }

    // Nothing comes back from behind the port. But the small packets of the same lanes go through sockets, and what the network says
    // of their way the kernel keeps; a second is how long it takes to be seen here.
    private int PathMtu(uint endpoint, long now)
    {
        ref Path path = ref _paths[endpoint * 2654435769u >> 26];
        if (path.Endpoint != endpoint || now >= path.Until) path = new Path(endpoint, now + Second, underlay.PathMtu(endpoint));
        return path.Mtu;
    }

    private readonly record struct Path(uint Endpoint, long Until, int Mtu);
}
