using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;

namespace Overlay.Encap.Wire;

/// <summary>A 48-bit Ethernet address. The first octet on the wire is the most significant of <see cref="Value"/>.</summary>
/// <param name="Value">The six octets as a number; the upper 16 bits are zero.</param>
public readonly record struct MacAddress(ulong Value)
{
    /// <summary>Octets on the wire.</summary>
    public const int Size = 6;

    private const ulong GroupBit = 1UL << 40;
    private const ulong LocalBit = 1UL << 41;

    /// <summary>True for a multicast or broadcast address (group bit of the first octet).</summary>
    public bool IsMulticast => (Value & GroupBit) != 0;

    /// <summary>True for an address that may own an interface: neither zero nor a group address.</summary>
    public bool IsUnicast => Value != 0 && !IsMulticast;

    /// <summary>A new random address, locally administered and unicast, as RFC 7042 section 2.1 sets the two bits.</summary>
    public static MacAddress NewLocal()
    {
        Span<byte> octets = stackalloc byte[8];
        RandomNumberGenerator.Fill(octets[2..]);
        ulong value = BinaryPrimitives.ReadUInt64BigEndian(octets) & 0xFFFF_FFFF_FFFF;
        return new MacAddress((value | LocalBit) & ~GroupBit);
    }

    /// <summary>Reads the first six octets of <paramref name="source"/>, in wire order.</summary>
    public static MacAddress Read(ReadOnlySpan<byte> source) =>
        new((ulong)BinaryPrimitives.ReadUInt16BigEndian(source) << 32 | BinaryPrimitives.ReadUInt32BigEndian(source[2..]));

    /// <summary>Writes the six octets in wire order.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(Value >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(destination[2..], (uint)Value);
    }

    /// <summary>Parses what Go's net.ParseMAC takes for 48 bits: <c>aa:bb:cc:dd:ee:ff</c>, <c>aa-bb-…</c> or <c>aabb.ccdd.eeff</c>.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddress address)
    {
        address = default;
        (int groups, int digits, char separator) = text?.Length switch
        {
            17 => (6, 2, text[2]),
            14 => (3, 4, '.'),
            _ => (0, 0, '\0'),
        };
        if (groups == 0 || separator is not (':' or '-' or '.') || (separator == '.') != (digits == 4)) return false;

        ulong value = 0;
        for (int i = 0; i < groups; i++)
        {
            int at = i * (digits + 1);
            if (i > 0 && text![at - 1] != separator) return false;
            if (!ushort.TryParse(text.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort group)) return false;
            value = value << (digits * 4) | group;
        }
        address = new MacAddress(value);
        return true;
    }

    /// <summary>Lower case with colons, as flannel writes it into etcd.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{(byte)(Value >> 40):x2}:{(byte)(Value >> 32):x2}:{(byte)(Value >> 24):x2}:{(byte)(Value >> 16):x2}:{(byte)(Value >> 8):x2}:{(byte)Value:x2}");
}
