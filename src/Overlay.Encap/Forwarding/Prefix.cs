using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Overlay.Encap.Forwarding;

/// <summary>An IPv4 prefix as numbers: what the packet path compares addresses with.</summary>
public readonly record struct Prefix
{
    /// <summary>Makes a prefix; bits of <paramref name="address"/> beyond <paramref name="length"/> are cleared.</summary>
    /// <param name="address">Host order.</param>
    /// <param name="length">0 to 32 bits.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is not one of IPv4.</exception>
    public Prefix(uint address, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, 32);
        Length = length;
        Address = address & MaskOf(length);
    }

    /// <summary>The first address, host order.</summary>
    public uint Address { get; }

    /// <summary>The last address, host order: the directed broadcast of the subnet.</summary>
    public uint Last => Address | ~MaskOf(Length);

    /// <summary>Length in bits.</summary>
    public int Length { get; }

    /// <summary>Whether the prefix covers the address (host order).</summary>
    public bool Contains(uint address) => (address & MaskOf(Length)) == Address;

    /// <summary>The network mask of a length, host order.</summary>
    public static uint MaskOf(int length) => length == 0 ? 0 : uint.MaxValue << (32 - length);

    /// <summary>Takes a prefix of the control plane.</summary>
    /// <exception cref="ArgumentException">It is not IPv4.</exception>
    public static Prefix From(IPNetwork network) => new(AddressOf(network.BaseAddress), network.PrefixLength);

    /// <summary>An IPv4 address as a number in host order.</summary>
    /// <exception cref="ArgumentException">It is not IPv4.</exception>
    public static uint AddressOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetwork) throw new ArgumentException($"{address} is not an IPv4 address", nameof(address));
        Span<byte> octets = stackalloc byte[4];
        address.TryWriteBytes(octets, out _);
        return BinaryPrimitives.ReadUInt32BigEndian(octets);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Address >> 24}.{Address >> 16 & 255}.{Address >> 8 & 255}.{Address & 255}/{Length}";
}
