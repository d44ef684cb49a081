using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Overlay.Subnet.Model;

/// <summary>
/// The name of a lease's key below <c>subnets/</c>: <c>10.5.3.0-24</c>, or with a dual-stack flannel <c>10.5.3.0-24&amp;fd00:5:3::-64</c>,
/// of which the IPv4 part counts. flannel matches an unanchored pattern; here the whole name must match, so that one subnet has one spelling.
/// </summary>
public readonly record struct SubnetKey
{
    private const int MaxLength = 64;
    private static readonly SearchValues<char> IPv6Characters = SearchValues.Create("0123456789abcdef:");

    private SubnetKey(IPNetwork subnet, string name)
    {
        Subnet = subnet;
        Name = name;
    }

    /// <summary>The IPv4 subnet, prefix length 1 to 31.</summary>
    public IPNetwork Subnet { get; }

    /// <summary>The name exactly as it stands in etcd.</summary>
    public string Name { get; }

    /// <summary>The key of an IPv4 subnet as flannel spells it.</summary>
    public static SubnetKey For(IPNetwork subnet) =>
        new(subnet, string.Create(CultureInfo.InvariantCulture, $"{subnet.BaseAddress}-{subnet.PrefixLength}"));

    /// <summary>Reads a key name.</summary>
    /// <param name="name">The name below <c>subnets/</c>, from whoever wrote it.</param>
    /// <param name="key">The key, when the name is one.</param>
    /// <param name="reason">Otherwise why not, free of the name's own text.</param>
    public static bool TryParse(string name, out SubnetKey key, [NotNullWhen(false)] out string? reason)
    {
        key = default;
        reason = null;
        ReadOnlySpan<char> v4 = name;
        if (name.Length > MaxLength)
            reason = "name too long";
        else if (name.IndexOf('&', StringComparison.Ordinal) is int amp and >= 0)
        {
            if (!IsIPv6Part(name.AsSpan(amp + 1)))
                reason = "not of the form a.b.c.d-n&ipv6-n";
            v4 = name.AsSpan(0, amp);
        }
        int dash = v4.IndexOf('-');
        if (reason is not null)
            return false;
        if (dash < 0 || !IPv4.TryParse(v4[..dash], out uint address) || !IPv4.TryParseNumber(v4[(dash + 1)..], 999, out int length))
            reason = "not of the form a.b.c.d-n";
        else if (length is < 1 or > 31)
            reason = "prefix length not 1 to 31";
        else if ((address & ~IPv4.Mask(length)) != 0)
            reason = "host bits set";
        else
            key = new SubnetKey(IPv4.Network(address, length), name);
        return reason is null;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static bool IsIPv6Part(ReadOnlySpan<char> text)
    {
        int dash = text.IndexOf('-');
        return dash > 0 && !text[..dash].ContainsAnyExcept(IPv6Characters) && text[..dash].Contains(':')
            && IPAddress.TryParse(text[..dash], out _) && IPv4.TryParseNumber(text[(dash + 1)..], 127, out _);
    }
}
