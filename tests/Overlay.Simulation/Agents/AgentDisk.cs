using System.Net;

namespace Overlay.Simulation.Agents;

/// <summary>What an agent keeps across restarts, and loses when its machine is installed anew.</summary>
/// <param name="NodeId">Made up once.</param>
/// <param name="VtepMac">Made up once.</param>
/// <param name="Subnet">The last one it had.</param>
public sealed record AgentDisk(string NodeId, string VtepMac, IPNetwork? Subnet)
{
    /// <summary>A new machine's.</summary>
    /// <param name="agent">Its number.</param>
    /// <param name="generation">How often it was installed before.</param>
    public static AgentDisk New(int agent, int generation) => new($"node-{agent}-{generation}", $"02:00:00:00:{generation % 256:x2}:{agent:x2}", null);
}
