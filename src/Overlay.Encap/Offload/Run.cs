using System.Buffers.Binary;
using Overlay.Encap.Buffers;
using Overlay.Encap.Checksums;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Offload;

/// <summary>Consecutive packets of one flow on their way to become one super-packet: headers of the first, payload of all.</summary>
/// <remarks>Reused for flow after flow by one <see cref="Coalescer"/>; refers to the arena it was begun in.</remarks>
internal sealed class Run
{
    private const int MaxPieces = 256;
    private const int MaxTotal = 65_535;
    private const int MaxUdpSegments = 64;
    private const int TcpHeaderEnd = 20;

    private readonly Slice[] _pieces = new Slice[MaxPieces];
    private InboundPacket _first;
    private int _packetAt;
    private int _count;
    private int _pieceCount;
    private int _payload;
    private int _bytes;
    private uint _nextSequence;
    private bool _isClosed;

    /// <summary>Whether packets are waiting in it.</summary>
    public bool IsOpen => _count > 0;

    /// <summary>Whether the waiting packets are of the same flow, or, where ports are not to be seen, of the same two hosts.</summary>
    public bool IsOfFlow(in InboundPacket packet) =>
        IsOpen && packet.Addresses == _first.Addresses && (packet.Protocol == 0 || (packet.Ports == _first.Ports && packet.Protocol == _first.Protocol));

    /// <summary>Begins with a packet that no run could take.</summary>
    public void Begin(in InboundPacket packet, Slice at)
    {
        _first = packet;
        _packetAt = at.Offset;
        _count = 1;
        _payload = packet.Payload;
        _bytes = at.Length;
        _nextSequence = packet.Sequence + (uint)packet.Payload;
        _isClosed = packet.IsPush;
        _pieces[0] = new Slice(at.Offset - VirtioNetHeader.Size, VirtioNetHeader.Size + at.Length);
        _pieceCount = 1;
    }

    /// <summary>Joins a packet of the same flow where the result segments back into exactly these packets.</summary>
    public bool TryJoin(in InboundPacket packet, Slice at, PacketArena arena)
    {
        if (_isClosed || !packet.IsMergeable || packet.HeaderLength != _first.HeaderLength || packet.Payload > _first.Payload
            || _first.HeaderLength + _payload + packet.Payload > MaxTotal || _pieceCount == MaxPieces) return false;
        bool isTcp = packet.Protocol == IPv4View.Tcp;
        if (isTcp ? packet.Sequence != _nextSequence : _count == MaxUdpSegments) return false;
        Span<byte> head = arena.Bytes.Slice(_packetAt, _first.HeaderLength);
        ReadOnlySpan<byte> joining = arena.Bytes.Slice(at.Offset, packet.HeaderLength);
        if (!HeadersAgree(head, joining, _count, isTcp)) return false;

        if (packet.IsPush) head[IPv4View.MinHeader + 13] |= joining[IPv4View.MinHeader + 13];
        _pieces[_pieceCount++] = new Slice(at.Offset + packet.HeaderLength, packet.Payload);
        _payload += packet.Payload;
        _bytes += at.Length;
        _nextSequence += (uint)packet.Payload;
        _count++;
        _isClosed = packet.IsPush || packet.Payload < _first.Payload;
        return true;
    }

    /// <summary>Writes the headers of the whole and hands it over; then the run is empty.</summary>
    public void Finish(PacketArena arena, IRunSink sink)
    {
        Span<byte> packet = arena.Bytes.Slice(_packetAt, _first.HeaderLength);
        if (_count > 1) WriteTotals(packet, _first, _payload);
        VirtioNetHeader header = _count > 1 ? Gso(_first, _first.Payload) : _first.IsPartial ? Partial(_first) : default;
        header.Write(arena.Bytes[(_packetAt - VirtioNetHeader.Size)..]);
        int count = _count;
        _count = 0;
        sink.Write(_pieces.AsSpan(0, _pieceCount), count, _bytes);
    }

    /// <summary>The virtio-net header of a super-packet with this payload in each segment.</summary>
    public static VirtioNetHeader Gso(in InboundPacket packet, int segmentPayload) => Partial(packet) with
    {
        GsoType = packet.Protocol == IPv4View.Tcp ? VirtioNetHeader.GsoTcp4 : VirtioNetHeader.GsoUdpL4,
        HeaderLength = (ushort)packet.HeaderLength,
        GsoSize = (ushort)segmentPayload,
    };

    /// <summary>The virtio-net header of a packet whose checksum field holds the pseudo-header's sum.</summary>
    public static VirtioNetHeader Partial(in InboundPacket packet) => new()
    {
        Flags = VirtioNetHeader.NeedsChecksum,
        ChecksumStart = (ushort)packet.IpLength,
        ChecksumOffset = (ushort)packet.ChecksumOffset,
    };

    // Everything that the kernel copies from the first header to each segment has to be the same in both.
    private static bool HeadersAgree(ReadOnlySpan<byte> head, ReadOnlySpan<byte> joining, int distance, bool isTcp)
    {
        IPv4View first = new(head), next = new(joining);
        if (first.Tos != next.Tos || first.Ttl != next.Ttl || first.Fragment != next.Fragment) return false;
        if ((first.Fragment & IPv4View.DontFragment) == 0 && next.Id != (ushort)(first.Id + distance)) return false;
        if (!isTcp) return true;
        ReadOnlySpan<byte> a = head[IPv4View.MinHeader..], b = joining[IPv4View.MinHeader..];
        return a[8..12].SequenceEqual(b[8..12])        // acknowledgement
            && a[14..16].SequenceEqual(b[14..16])      // window
            && a[TcpHeaderEnd..].SequenceEqual(b[TcpHeaderEnd..]);   // options
    }

    private static void WriteTotals(Span<byte> packet, in InboundPacket first, int payload)
    {
        int total = first.HeaderLength + payload, transportLength = total - first.IpLength;
        BinaryPrimitives.WriteUInt16BigEndian(packet[IPv4View.TotalLengthAt..], (ushort)total);
        packet.Slice(IPv4View.ChecksumAt, 2).Clear();
        InternetChecksum.WriteFinished(packet[IPv4View.ChecksumAt..], InternetChecksum.Sum(packet[..first.IpLength]));

        Span<byte> transport = packet[first.IpLength..];
        if (first.Protocol == IPv4View.Udp) BinaryPrimitives.WriteUInt16BigEndian(transport[4..], (ushort)transportLength);
        ulong pseudo = InternetChecksum.PseudoHeader(packet[IPv4View.AddressesAt..], first.Protocol) + InternetChecksum.Word(transportLength);
        InternetChecksum.WriteFolded(transport[first.ChecksumOffset..], pseudo);
    }
}
