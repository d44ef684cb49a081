using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Overlay.Subnet.Model;

/// <summary>
/// IPv4 addresses and networks as 32-bit numbers in host order, and the one strict text form flannel shares with Go: four decimal octets
/// without leading zeros. <see cref="IPAddress.Parse(string)"/> is not used for foreign text, since it also takes "10.1", octal and hex.
/// </summary>
internal static class IPv4
{
    public static uint ToUInt32(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[4];
        if (!address.TryWriteBytes(bytes, out int written) || written != 4)
            throw new ArgumentException("not an IPv4 address", nameof(address));
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    public static IPAddress FromUInt32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return new IPAddress(bytes);
    }

    /// <summary>The network mask of a prefix length of 0 to 32.</summary>
    public static uint Mask(int prefixLength) => prefixLength == 0 ? 0 : uint.MaxValue << (32 - prefixLength);

    /// <summary>The network that holds <paramref name="address"/>, host bits cleared.</summary>
    public static IPNetwork Network(uint address, int prefixLength) => new(FromUInt32(address & Mask(prefixLength)), prefixLength);

    public static uint First(IPNetwork network) => ToUInt32(network.BaseAddress);

    public static uint Last(IPNetwork network) => First(network) | ~Mask(network.PrefixLength);

    public static bool IsIPv4(IPNetwork network) => network.BaseAddress.AddressFamily == AddressFamily.InterNetwork;

    public static bool TryParse(ReadOnlySpan<char> text, out uint address)
    {
        address = 0;
        for (int octet = 0; octet < 4; octet++)
        {
            int end = octet == 3 ? text.Length : text.IndexOf('.');
            if (end < 0 || !TryParseNumber(text[..end], 255, out int value))
                return false;
            address = (address << 8) | (uint)value;
            text = octet == 3 ? default : text[(end + 1)..];
        }
        return true;
    }

    /// <summary>Reads <c>a.b.c.d/n</c>; host bits are kept in <paramref name="address"/>.</summary>
    public static bool TryParseCidr(ReadOnlySpan<char> text, out uint address, out int prefixLength)
    {
        address = 0;
        prefixLength = 0;
        int slash = text.IndexOf('/');
        return slash >= 0 && TryParse(text[..slash], out address) && TryParseNumber(text[(slash + 1)..], 32, out prefixLength);
    }

    /// <summary>Reads a decimal number of at most three digits without sign or leading zero, at most <paramref name="max"/>.</summary>
    public static bool TryParseNumber(ReadOnlySpan<char> text, int max, out int value)
    {
        value = 0;
        if (text.Length is 0 or > 3 || (text.Length > 1 && text[0] == '0'))
            return false;
        foreach (char c in text)
        {
            if (!char.IsAsciiDigit(c))
                return false;
            value = value * 10 + (c - '0');
        }
        return value <= max;
    }
}
