using System.Buffers.Binary;
using Overlay.Encap.Buffers;
using Overlay.Encap.Checksums;
using Overlay.Encap.Counters;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Offload;

/// <summary>
/// Cuts a TCP or UDP super-packet into the packets it stands for, as the kernel's own segmentation does
/// (net/ipv4/tcp_offload.c, udp_offload.c): each gets headers of its own, the payload is only read.
/// </summary>
/// <remarks>Borrows the packet; valid as long as it is. Payload is read once, for the checksum, in order.</remarks>
public readonly ref struct Segmenter
{
    /// <summary>Most bytes of an IPv4 and a TCP header together.</summary>
    public const int MaxHeader = 60 + 60;

    private const int TcpFin = 0x01, TcpPush = 0x08, TcpCwr = 0x80;

    private readonly ReadOnlySpan<byte> _packet;
    private readonly ulong _ipSum;          // all of the IP header but total length, id and checksum
    private readonly ulong _transportSum;   // pseudo-header and transport header, but what changes by segment
    private readonly int _ipLength;
    private readonly bool _isTcp;

    private Segmenter(ReadOnlySpan<byte> packet, int ipLength, int headerLength, int payloadPerSegment, bool isTcp)
    {
        _packet = packet;
        _ipLength = ipLength;
        _isTcp = isTcp;
        HeaderLength = headerLength;
        PayloadPerSegment = payloadPerSegment;
        Count = (packet.Length - headerLength + payloadPerSegment - 1) / payloadPerSegment;

        ReadOnlySpan<byte> ip = packet[..ipLength], transport = packet[ipLength..headerLength];
        _ipSum = InternetChecksum.Sum(ip[..IPv4View.TotalLengthAt])
            + InternetChecksum.Sum(ip[IPv4View.FragmentAt..IPv4View.ChecksumAt])
            + InternetChecksum.Sum(ip[IPv4View.AddressesAt..]);
        _transportSum = InternetChecksum.PseudoHeader(ip[IPv4View.AddressesAt..], isTcp ? IPv4View.Tcp : IPv4View.Udp)
            + InternetChecksum.Sum(transport[..4]);
        if (!isTcp) return;
        _transportSum += InternetChecksum.Sum(transport[8..12]) + InternetChecksum.Sum(transport[14..16]) + InternetChecksum.Sum(transport[18..]);
    }

    /// <summary>Number of segments, at least one.</summary>
    public int Count { get; }

    /// <summary>Bytes of IP and transport header of each segment.</summary>
    public int HeaderLength { get; }

    /// <summary>Payload bytes of each segment but the last.</summary>
    public int PayloadPerSegment { get; }

    /// <summary>Checks the geometry of a super-packet and prepares its segmentation.</summary>
    /// <param name="packet">The whole packet, its IP header checked.</param>
    /// <param name="header">The virtio-net header it came with.</param>
    /// <param name="segmenter">Valid where <see cref="DropReason.None"/> is returned; else that is <see cref="DropReason.Gso"/>.</param>
    public static DropReason TryCreate(ReadOnlySpan<byte> packet, in VirtioNetHeader header, out Segmenter segmenter)
    {
        segmenter = default;
        IPv4View ip = new(packet);
        int transportAt = ip.HeaderLength, headerLength;
        bool isTcp = (header.GsoType & ~VirtioNetHeader.GsoEcn) == VirtioNetHeader.GsoTcp4;
        if (header.GsoSize == 0 || ip.IsFragment) return DropReason.Gso;
        if (isTcp)
        {
            if (ip.Protocol != IPv4View.Tcp || packet.Length < transportAt + 20) return DropReason.Gso;
            int tcpLength = (packet[transportAt + 12] >> 4) * 4;
            if (tcpLength < 20) return DropReason.Gso;
            headerLength = transportAt + tcpLength;
        }
        else
        {
            if (header.GsoType != VirtioNetHeader.GsoUdpL4 || ip.Protocol != IPv4View.Udp) return DropReason.Gso;
            headerLength = transportAt + 8;
        }
        if (packet.Length <= headerLength) return DropReason.Gso;
        segmenter = new Segmenter(packet, transportAt, headerLength, header.GsoSize, isTcp);
        return DropReason.None;
    }

    /// <summary>Where a segment's payload lies within the packet.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public Slice PayloadOf(int index)
    {
        int at = HeaderLength + index * PayloadPerSegment;
        return new Slice(at, Math.Min(PayloadPerSegment, _packet.Length - at));
    }

    /// <summary>Writes a segment's IP and transport header, checksums included.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    /// <param name="destination"><see cref="HeaderLength"/> bytes.</param>
    public void WriteHeader(int index, Span<byte> destination)
    {
        Slice payload = PayloadOf(index);
        int total = HeaderLength + payload.Length;
        _packet[..HeaderLength].CopyTo(destination);

        int id = (ushort)(BinaryPrimitives.ReadUInt16BigEndian(_packet[IPv4View.IdAt..]) + index);
        BinaryPrimitives.WriteUInt16BigEndian(destination[IPv4View.TotalLengthAt..], (ushort)total);
        BinaryPrimitives.WriteUInt16BigEndian(destination[IPv4View.IdAt..], (ushort)id);
        InternetChecksum.WriteFinished(destination[IPv4View.ChecksumAt..], _ipSum + InternetChecksum.Word(total) + InternetChecksum.Word(id));

        ulong sum = _transportSum + InternetChecksum.Word(total - _ipLength) + InternetChecksum.Sum(_packet.Slice(payload.Offset, payload.Length));
        Span<byte> transport = destination[_ipLength..];
        if (_isTcp) WriteTcp(transport, index, sum);
        else WriteUdp(transport, total - _ipLength, sum);
    }

    private void WriteTcp(Span<byte> tcp, int index, ulong sum)
    {
        uint sequence = BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]) + (uint)(index * PayloadPerSegment);
        int flags = BinaryPrimitives.ReadUInt16BigEndian(tcp[12..]);   // with the data offset
        if (index < Count - 1) flags &= ~(TcpFin | TcpPush);
        if (index > 0) flags &= ~TcpCwr;
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], sequence);
        BinaryPrimitives.WriteUInt16BigEndian(tcp[12..], (ushort)flags);
        InternetChecksum.WriteFinished(tcp[16..], sum + InternetChecksum.DoubleWord(sequence) + InternetChecksum.Word(flags));
    }

    private static void WriteUdp(Span<byte> udp, int length, ulong sum)
    {
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)length);
        InternetChecksum.WriteFinishedTransport(udp[6..], sum + InternetChecksum.Word(length));
    }
}
