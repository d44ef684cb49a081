using System.Net;
using System.Security.Cryptography;
using Overlay.Encap.Wire;

namespace Overlay.Agent.State;

/// <summary>What this node must remember across restarts and reboots.</summary>
/// <param name="NodeId">Identity of this node, 32 lower-case hex digits, made once. Tells two machines with one public address apart.</param>
/// <param name="VtepMac">MAC of this node's VTEP, made once: peers keep forwarding entries for it.</param>
/// <param name="Network">The overlay network of the last lease, or null before the first.</param>
/// <param name="Subnet">The last leased subnet, to be asked for again, or null before the first.</param>
public sealed record AgentState(string NodeId, MacAddress VtepMac, IPNetwork? Network, IPNetwork? Subnet)
{
    /// <summary>A new node: random identity and MAC, no subnet yet.</summary>
    public static AgentState CreateNew() => new(RandomNumberGenerator.GetHexString(32, lowercase: true), MacAddress.NewLocal(), null, null);
}
