using System.Buffers.Binary;

namespace Overlay.Encap.Wire;

/// <summary>The eight bytes between UDP and the inner Ethernet frame (RFC 7348 section 5).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |R|R|R|R|I|R|R|R|            Reserved                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                VXLAN Network Identifier (VNI) |   Reserved    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// A valid header has exactly one value for a VNI, so a receiver compares all 64 bits at once.
/// </remarks>
/// <param name="Bits">The header as a big-endian number.</param>
public readonly record struct VxlanHeader(ulong Bits)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Size = 8;

    private const ulong FlagI = 0x0800_0000_0000_0000;
    private const int FlagsShift = 56;

    /// <summary>The one valid header for <paramref name="vni"/>: flag I set, every reserved bit zero.</summary>
    public static VxlanHeader For(Vni vni) => new(FlagI | (ulong)vni.Value << 8);

    /// <summary>The flags octet. Only 0x08 is plain VXLAN: 0x0C and others are VXLAN-GPE, 0x88 carries a group policy.</summary>
    public byte Flags => (byte)(Bits >> FlagsShift);

    /// <summary>True where the flags octet is the one of plain VXLAN.</summary>
    public bool HasPlainFlags => Flags == (byte)(FlagI >> FlagsShift);

    /// <summary>True where one of the 24 + 8 reserved bits outside of the flags octet is set.</summary>
    public bool HasReservedBits => (Bits & 0x00FF_FFFF_0000_00FF) != 0;

    /// <summary>The network identifier.</summary>
    public Vni Vni => new((uint)(Bits >> 8) & Vni.Max);

    /// <summary>Reads the first <see cref="Size"/> bytes.</summary>
    public static VxlanHeader Read(ReadOnlySpan<byte> source) => new(BinaryPrimitives.ReadUInt64BigEndian(source));

    /// <summary>Writes <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination) => BinaryPrimitives.WriteUInt64BigEndian(destination, Bits);
}
