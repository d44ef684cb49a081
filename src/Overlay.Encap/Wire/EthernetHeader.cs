using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Overlay.Encap.Wire;

/// <summary>The inner Ethernet header: a TUN device has none, so its 14 bytes are ours to write and to check.</summary>
/// <param name="Destination">The VTEP MAC of the node that decapsulates.</param>
/// <param name="Source">The VTEP MAC of the node that encapsulates.</param>
/// <param name="EtherType">Protocol of the payload, <see cref="IPv4"/> for all that this overlay carries.</param>
public readonly record struct EthernetHeader(MacAddress Destination, MacAddress Source, ushort EtherType)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Size = 14;

    /// <summary>EtherType of IPv4.</summary>
    public const ushort IPv4 = 0x0800;

    /// <summary>EtherType of IPv6.</summary>
    public const ushort IPv6 = 0x86DD;

    /// <summary>EtherType of an 802.1Q tag.</summary>
    public const ushort Vlan = 0x8100;

    /// <summary>EtherType of an 802.1ad service tag.</summary>
    public const ushort ServiceVlan = 0x88A8;

    private const ulong MacMask = 0xFFFF_FFFF_FFFF;

    /// <summary>Reads the first <see cref="Size"/> bytes.</summary>
    public static EthernetHeader Read(ReadOnlySpan<byte> source) => new(
        new MacAddress(BinaryPrimitives.ReadUInt64BigEndian(source) >> 16),
        new MacAddress(BinaryPrimitives.ReadUInt64BigEndian(source[4..]) & MacMask),
        BinaryPrimitives.ReadUInt16BigEndian(source[12..]));

    /// <summary>Writes <see cref="Size"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination[12..], EtherType);
        BinaryPrimitives.WriteUInt64BigEndian(destination[4..], (Destination.Value & 0xFFFF) << 48 | Source.Value);
        BinaryPrimitives.WriteUInt64BigEndian(destination, Destination.Value << 16 | Source.Value >> 32);
    }
}
