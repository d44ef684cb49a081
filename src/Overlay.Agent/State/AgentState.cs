using System.Net;
using System.Security.Cryptography;
using Overlay.Encap.Wire;

namespace Overlay.Agent.State;

/// <summary>What this node must remember of itself across restarts and reboots.</summary>
/// <param name="NodeId">Identity of this node, 32 lower-case hex digits, made once. Tells two machines with one public address apart.</param>
/// <param name="VtepMac">MAC of this node's VTEP, made once: peers keep forwarding entries for it.</param>
public sealed record AgentState(string NodeId, MacAddress VtepMac)
{
    /// <summary>The overlay network of the last lease, whose firewall rules may still stand; null before the first.</summary>
    public IPNetwork? Network { get; init; }

    /// <summary>The last leased subnet, to be asked for again; null before the first.</summary>
    public IPNetwork? Subnet { get; init; }

    /// <summary>The etcd lease that <see cref="Subnet"/> was held with, 0 for a reservation; null where it is not known.</summary>
    public long? EtcdLeaseId { get; init; }

    /// <summary>When that etcd lease runs out unless it is renewed, by this host's clock; null where it is not known.</summary>
    public DateTimeOffset? LeaseExpires { get; init; }

    /// <summary>The subnet that the hook of <c>--on-subnet-change</c> was last run for; null where it never was.</summary>
    public IPNetwork? Announced { get; init; }

    /// <summary>The file that was last written for Docker, absolute path; null where none was.</summary>
    public string? DockerOptionsFile { get; init; }

    /// <summary>A new node: random identity and MAC, no subnet yet.</summary>
    public static AgentState CreateNew() => new(RandomNumberGenerator.GetHexString(32, lowercase: true), MacAddress.NewLocal());

    /// <summary>Whether a text is a node id of ours.</summary>
    public static bool IsNodeId(string? text) => text is { Length: 32 } && text.All(char.IsAsciiHexDigitLower);
}
