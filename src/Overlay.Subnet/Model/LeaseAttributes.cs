using System.Diagnostics.CodeAnalysis;
using System.Net;
using Overlay.Subnet.Json;

namespace Overlay.Subnet.Model;

/// <summary>
/// What a node says about itself in the value of its lease key. Written byte for byte as flannel writes it, with one field of ours,
/// <c>NodeID</c>, at the end, which flannel ignores. Immutable, compared by value.
/// </summary>
public sealed record LeaseAttributes
{
    /// <summary>Values longer than this (bytes) are refused unread; a real one has under 250.</summary>
    public const int MaxJsonLength = 16 * 1024;

    /// <summary>The IPv4 address at which peers reach the node: the node's identity in flannel's protocol.</summary>
    public required IPAddress PublicIP { get; init; }

    /// <summary>The IPv6 address of a dual-stack flannel node; null for ours.</summary>
    public IPAddress? PublicIPv6 { get; init; }

    /// <summary>The backend's name such as <c>vxlan</c>; null where flannel writes none (udp, alloc).</summary>
    public string? BackendType { get; init; }

    /// <summary>The VXLAN network identifier; null when the node did not say (flannel before v0.15).</summary>
    public uint? Vni { get; init; }

    /// <summary>The inner MAC address of the node's tunnel end, as six lower-case pairs with colons; never null when the type is vxlan.</summary>
    public string? VtepMac { get; init; }

    /// <summary>The node id of an agent of ours, 1 to 64 printable ASCII characters; null for flannel.</summary>
    public string? NodeId { get; init; }

    /// <summary>The value to store, UTF-8.</summary>
    public byte[] ToJson() => LeaseJson.Write(this);

    /// <summary>Reads a value as leniently as Go does, but refuses what no node could use (no vxlan MAC, a multicast address).</summary>
    /// <param name="utf8">The value, from whoever wrote it.</param>
    /// <param name="attributes">The attributes, when it is usable.</param>
    /// <param name="reason">Otherwise why not, in words that are safe to log.</param>
    public static bool TryParse(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out LeaseAttributes? attributes, [NotNullWhen(false)] out string? reason) =>
        LeaseJson.TryParse(utf8, out attributes, out reason);
}
