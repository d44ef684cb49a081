using System.Runtime.InteropServices;

namespace Overlay.Encap.Wire;

/// <summary>
/// The header a TUN device opened with IFF_VNET_HDR puts before each packet and expects before each
/// (struct virtio_net_hdr_mrg_rxbuf of linux/virtio_net.h, in host byte order).
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1, Size = Size)]
public readonly record struct VirtioNetHeader
{
    /// <summary>Bytes in front of the packet, as TUNSETVNETHDRSZ is told.</summary>
    public const int Size = 12;

    /// <summary>Flag: the transport checksum field holds only the folded pseudo-header sum.</summary>
    public const byte NeedsChecksum = 1;

    /// <summary>GSO type: an ordinary packet.</summary>
    public const byte GsoNone = 0;

    /// <summary>GSO type: a TCP over IPv4 super-packet.</summary>
    public const byte GsoTcp4 = 1;

    /// <summary>GSO type: a UDP super-packet whose pieces are datagrams (USO).</summary>
    public const byte GsoUdpL4 = 5;

    /// <summary>GSO type bit: the TCP super-packet carries ECN's CWR.</summary>
    public const byte GsoEcn = 0x80;

    /// <summary><see cref="NeedsChecksum"/> or zero.</summary>
    public byte Flags { get; init; }

    /// <summary>One of the GSO types, perhaps with <see cref="GsoEcn"/>.</summary>
    public byte GsoType { get; init; }

    /// <summary>A hint: length in bytes of all headers of a super-packet.</summary>
    public ushort HeaderLength { get; init; }

    /// <summary>Payload bytes of each segment of a super-packet.</summary>
    public ushort GsoSize { get; init; }

    /// <summary>Where the checksummed part begins, in bytes from the start of the packet.</summary>
    public ushort ChecksumStart { get; init; }

    /// <summary>Where the checksum field stands, in bytes from <see cref="ChecksumStart"/>.</summary>
    public ushort ChecksumOffset { get; init; }

    /// <summary>Number of merged buffers; a TUN device leaves it alone.</summary>
    public ushort Buffers { get; init; }

    /// <summary>Reads the first <see cref="Size"/> bytes.</summary>
    public static VirtioNetHeader Read(ReadOnlySpan<byte> source) => MemoryMarshal.Read<VirtioNetHeader>(source);

    /// <summary>Writes <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination) => MemoryMarshal.Write(destination, this);
}
