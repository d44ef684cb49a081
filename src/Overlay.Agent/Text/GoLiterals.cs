using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Overlay.Agent.Text;

/// <summary>
/// Values spelled as Go spells them, since an operator's flags, environment and files were written for flannel: strconv.ParseBool,
/// strconv.ParseInt with base 0, net.ParseIP and net.ParseCIDR. Each is stricter or looser than .NET's own parser somewhere.
/// </summary>
internal static class GoLiterals
{
    /// <summary>The spellings of <see cref="TryBoolean"/>, for error messages.</summary>
    public const string BooleanSpellings = "1, t, T, TRUE, true, True, 0, f, F, FALSE, false or False";

    private static readonly SearchValues<char> AddressCharacters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>strconv.ParseBool: exactly twelve spellings, no others in any case.</summary>
    public static bool TryBoolean(string text, out bool value)
    {
        value = text is "1" or "t" or "T" or "TRUE" or "true" or "True";
        return value || text is "0" or "f" or "F" or "FALSE" or "false" or "False";
    }

    /// <summary>strconv.ParseInt(text, 0, 64): decimal, 0x, 0o, 0b, a leading 0 for octal, and single underscores between digits.</summary>
    public static bool TryInteger(string text, out long value)
    {
        value = 0;
        ReadOnlySpan<char> rest = text;
        bool negative = rest.StartsWith("-");
        if (negative || rest.StartsWith("+")) rest = rest[1..];

        (uint radix, int prefix) = rest switch
        {
            ['0', 'x' or 'X', ..] => (16u, 2),
            ['0', 'b' or 'B', ..] => (2u, 2),
            ['0', 'o' or 'O', ..] => (8u, 2),
            ['0', _, ..] => (8u, 1),
            _ => (10u, 0),
        };
        bool digitBefore = prefix > 0;
        rest = rest[prefix..];
        if (rest.IsEmpty || rest[^1] == '_') return false;

        UInt128 sum = 0;
        foreach (char c in rest)
        {
            if (c == '_' && digitBefore)
            {
                digitBefore = false;
                continue;
            }
            uint digit = char.IsAsciiHexDigit(c) ? (uint)Convert.ToInt32(c.ToString(), 16) : uint.MaxValue;
            if (digit >= radix) return false;
            sum = sum * radix + digit;
            if (sum > (UInt128)long.MaxValue + (negative ? 1u : 0u)) return false;
            digitBefore = true;
        }
        value = negative ? (long)-(Int128)sum : (long)sum;
        return true;
    }

    /// <summary>net.ParseIP: a dotted quad without leading zeros, or IPv6 text without brackets or zone.</summary>
    public static bool TryAddress(string text, out IPAddress address)
    {
        address = IPAddress.None;
        if (!text.Contains(':')) return TryQuad(text, out address);
        if (!text.AsSpan().ContainsAnyExcept(AddressCharacters) && IPAddress.TryParse(text, out IPAddress? parsed))
        {
            address = parsed;
            return true;
        }
        return false;
    }

    /// <summary>net.ParseCIDR for IPv4, masked to the network as flannel masks it: <c>10.1.15.1/24</c> gives 10.1.15.0/24.</summary>
    public static bool TryNetwork(string text, out IPNetwork network)
    {
        network = default;
        int slash = text.IndexOf('/');
        if (slash < 0 || !TryQuad(text[..slash], out IPAddress address)) return false;
        string bits = text[(slash + 1)..];
        if (bits.Length is 0 or > 2 || (bits.Length == 2 && bits[0] == '0')) return false;
        if (!int.TryParse(bits, NumberStyles.None, CultureInfo.InvariantCulture, out int length) || length > 32) return false;
        network = Masked(address, length);
        return true;
    }

    /// <summary>The network of <paramref name="length"/> bits that holds an IPv4 address.</summary>
    public static IPNetwork Masked(IPAddress address, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual((int)address.AddressFamily, (int)AddressFamily.InterNetwork);
        byte[] octets = address.GetAddressBytes();
        for (int i = 0; i < octets.Length; i++) octets[i] &= (byte)(0xFF << (8 - Math.Clamp(length - 8 * i, 0, 8)));
        return new IPNetwork(new IPAddress(octets), length);
    }

    private static bool TryQuad(string text, out IPAddress address)
    {
        address = IPAddress.None;
        string[] parts = text.Split('.');
        if (parts.Length != 4) return false;
        Span<byte> octets = stackalloc byte[4];
        for (int i = 0; i < 4; i++)
        {
            bool plain = parts[i].Length is 1 or 2 or 3 && (parts[i].Length == 1 || parts[i][0] != '0');
            if (!plain || !byte.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out octets[i])) return false;
        }
        address = new IPAddress(octets);
        return true;
    }
}
