using System.Buffers.Binary;
using Overlay.Encap.Checksums;
using Overlay.Encap.Mtu;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Codec;

/// <summary>
/// What stands in front of an inner TCP super-packet that leaves whole: virtio-net header of a tunnel (struct
/// virtio_net_hdr_v1_hash_tunnel of linux/virtio_net.h, Linux 6.17), Ethernet, IPv4, UDP, VXLAN and inner Ethernet header.
/// </summary>
public static class TunnelFrame
{
    /// <summary>Bytes of the virtio-net header.</summary>
    public const int VirtioSize = 24;

    /// <summary>Bytes of all that stands in front of the inner packet.</summary>
    public const int Size = VirtioSize + InnerAt;

    /// <summary>The largest inner packet in bytes: the outer total length has 16 bits.</summary>
    public const int MaxInner = ushort.MaxValue - Overhead.OuterIPv4;

    private const int IpAt = EthernetHeader.Size;
    private const int UdpAt = IpAt + IPv4View.MinHeader;
    private const int EncapsulationAt = UdpAt + 8;
    private const int InnerAt = EncapsulationAt + Overhead.Encapsulation;   // from the outer Ethernet header on

    private const byte GsoUdpTunnelIPv4 = 0x20;
    private const int TcpChecksumAt = 16;
    private const byte TimeToLive = 64;

    /// <summary>Writes the headers; the inner packet behind them is left as it is, its TCP checksum that of the pseudo-header only.</summary>
    /// <param name="frame">The headers' room and the inner packet; <see cref="Encapsulation"/> of it is written already.</param>
    /// <param name="outer">Addresses and ports.</param>
    /// <param name="headerLength">Bytes of inner IP and TCP header.</param>
    /// <param name="segmentPayload">Payload bytes of each segment.</param>
    public static void Write(Span<byte> frame, in OuterHeader outer, int headerLength, int segmentPayload)
    {
        Span<byte> ethernet = frame[VirtioSize..];
        new VirtioNetHeader
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            GsoType = VirtioNetHeader.GsoTcp4 | GsoUdpTunnelIPv4,
            HeaderLength = (ushort)(InnerAt + headerLength),
            GsoSize = (ushort)segmentPayload,
            ChecksumStart = (ushort)(InnerAt + new IPv4View(frame[Size..]).HeaderLength),
            ChecksumOffset = TcpChecksumAt,
        }.Write(frame);
        frame[VirtioNetHeader.Size..VirtioSize].Clear();   // a hash that there is not
        WriteOffset(frame[20..], UdpAt);
        WriteOffset(frame[22..], InnerAt);
        // Nobody's MAC: should the frame ever reach the host's own IP layer, that layer throws it away.
        new EthernetHeader(default, default, EthernetHeader.IPv4).Write(ethernet);
        WriteIp(ethernet[IpAt..UdpAt], outer, ethernet.Length - IpAt);
        WriteUdp(ethernet[UdpAt..EncapsulationAt], outer, ethernet.Length - UdpAt);
    }

    /// <summary>Room of VXLAN and inner Ethernet header within a frame.</summary>
    public static Span<byte> Encapsulation(Span<byte> frame) => frame.Slice(VirtioSize + EncapsulationAt, Overhead.Encapsulation);

    // DF is set, as on all that leaves (RFC 7348 section 4.3); so the id needs no value of its own (RFC 6864 section 4.1).
    private static void WriteIp(Span<byte> ip, in OuterHeader outer, int totalLength)
    {
        ip.Clear();
        ip[0] = 0x45;
        ip[1] = outer.Tos;
        BinaryPrimitives.WriteUInt16BigEndian(ip[IPv4View.TotalLengthAt..], (ushort)totalLength);
        BinaryPrimitives.WriteUInt16BigEndian(ip[IPv4View.FragmentAt..], IPv4View.DontFragment);
        ip[8] = TimeToLive + 1;   // one is taken on the way to the card
        ip[9] = IPv4View.Udp;
        BinaryPrimitives.WriteUInt32BigEndian(ip[IPv4View.AddressesAt..], outer.Source);
        BinaryPrimitives.WriteUInt32BigEndian(ip[(IPv4View.AddressesAt + 4)..], outer.Destination);
        InternetChecksum.WriteFinished(ip[IPv4View.ChecksumAt..], InternetChecksum.Sum(ip));
    }

    // Without a checksum, as a VTEP of flannel sends (RFC 7348 section 5).
    private static void WriteUdp(Span<byte> udp, in OuterHeader outer, int length)
    {
        BinaryPrimitives.WriteUInt16BigEndian(udp, outer.SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], outer.DestinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], 0);
    }

    // Little-endian on every machine, where the fields before are the host's: so virtio has it.
    private static void WriteOffset(Span<byte> field, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(field, value);
}
