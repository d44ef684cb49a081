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

    private readonly Slice[] _pieces = new Slice[MaxPieces];   // one for each packet: the first whole, of the others the payload
    private readonly bool[] _isPartial = new bool[MaxPieces];
    private readonly byte[] _firstHeader = new byte[Segmenter.MaxHeader];
    private InboundPacket _first;
    private int _packetAt;
    private int _count;
    private int _payload;
    private int _bytes;
    private uint _nextSequence;
    private bool _isClosed;
    private bool _isPush;

    /// <summary>Whether packets are waiting in it.</summary>
    public bool IsOpen => _count > 0;

    /// <summary>TCP or UDP: protocol of the packets in it, or that were last.</summary>
    public byte Protocol => _first.Protocol;

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
        _isClosed = _isPush = packet.IsPush;
        _pieces[0] = WithVirtioHeader(at);
        _isPartial[0] = packet.IsPartial;
    }

    /// <summary>Joins a packet of the same flow where the result segments back into exactly these packets.</summary>
    public bool TryJoin(in InboundPacket packet, Slice at, PacketArena arena)
    {
        if (_isClosed || !packet.IsMergeable || packet.HeaderLength != _first.HeaderLength || packet.Payload > _first.Payload
            || _first.HeaderLength + _payload + packet.Payload > MaxTotal || _count == MaxPieces) return false;
        bool isTcp = packet.Protocol == IPv4View.Tcp;
        if (isTcp ? packet.Sequence != _nextSequence : _count == MaxUdpSegments) return false;
        ReadOnlySpan<byte> head = arena.Bytes.Slice(_packetAt, _first.HeaderLength);
        ReadOnlySpan<byte> joining = arena.Bytes.Slice(at.Offset, packet.HeaderLength);
        if (!HeadersAgree(head, joining, _count, isTcp)) return false;

        _pieces[_count] = new Slice(at.Offset + packet.HeaderLength, packet.Payload);
        _isPartial[_count] = packet.IsPartial;
        _payload += packet.Payload;
        _bytes += at.Length;
        _nextSequence += (uint)packet.Payload;
        _count++;
        _isPush = packet.IsPush;
        _isClosed = packet.IsPush || packet.Payload < _first.Payload;
        return true;
    }

    /// <summary>Writes the headers of the whole and hands it over; then the run is empty.</summary>
    /// <returns>False where the sink does not take super-packets: then the packets went one by one, as they came (FAULTS G7).</returns>
    public bool Finish(PacketArena arena, IRunSink sink)
    {
        int count = _count;
        _count = 0;
        if (count == 1)
        {
            WriteAlone(arena, sink, _pieces[0], _first.IsPartial);
            return true;
        }
        Span<byte> head = arena.Bytes.Slice(_packetAt, _first.HeaderLength);
        head.CopyTo(_firstHeader);
        WriteTotals(head);
        Gso(_first, _first.Payload).Write(arena.Bytes[_pieces[0].Offset..]);
        if (sink.TryWrite(_pieces.AsSpan(0, count), count, _bytes)) return true;

        _firstHeader.AsSpan(0, _first.HeaderLength).CopyTo(head);
        WriteAlone(arena, sink, _pieces[0], _isPartial[0]);
        for (int i = 1; i < count; i++)
        {
            // The headers of each still lie in front of its payload.
            Slice packet = new(_pieces[i].Offset - _first.HeaderLength, _first.HeaderLength + _pieces[i].Length);
            WriteAlone(arena, sink, WithVirtioHeader(packet), _isPartial[i]);
        }
        return false;
    }

    /// <summary>A packet with the room for its virtio-net header, where headers were that are done with.</summary>
    public static Slice WithVirtioHeader(Slice packet) => new(packet.Offset - VirtioNetHeader.Size, VirtioNetHeader.Size + packet.Length);

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

    private void WriteAlone(PacketArena arena, IRunSink sink, Slice piece, bool isPartial)
    {
        (isPartial ? Partial(_first) : default).Write(arena.Bytes[piece.Offset..]);
        sink.TryWrite(new ReadOnlySpan<Slice>(in piece), 1, piece.Length - VirtioNetHeader.Size);
    }

    private void WriteTotals(Span<byte> head)
    {
        int total = _first.HeaderLength + _payload, transportLength = total - _first.IpLength;
        BinaryPrimitives.WriteUInt16BigEndian(head[IPv4View.TotalLengthAt..], (ushort)total);
        head.Slice(IPv4View.ChecksumAt, 2).Clear();
        InternetChecksum.WriteFinished(head[IPv4View.ChecksumAt..], InternetChecksum.Sum(head[.._first.IpLength]));

        Span<byte> transport = head[_first.IpLength..];
        if (_first.Protocol == IPv4View.Udp) BinaryPrimitives.WriteUInt16BigEndian(transport[4..], (ushort)transportLength);
        else if (_isPush) transport[13] |= InboundPacket.TcpPush;
        ulong pseudo = InternetChecksum.PseudoHeader(head[IPv4View.AddressesAt..], _first.Protocol) + InternetChecksum.Word(transportLength);
        InternetChecksum.WriteFolded(transport[_first.ChecksumOffset..], pseudo);
    }
}
