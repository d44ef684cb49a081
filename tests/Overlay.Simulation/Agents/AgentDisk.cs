using System.Net;

namespace Overlay.Simulation.Agents;

/// <summary>What an agent keeps across restarts, and loses when its machine is installed anew.</summary>
/// <param name="NodeId">Made up once.</param>
/// <param name="VtepMac">Made up once.</param>
public sealed record AgentDisk(string NodeId, string VtepMac)
{
    /// <summary>The subnet in subnet.env, which is written whenever it changes.</summary>
    public IPNetwork? Subnet { get; init; }

    /// <summary>What state.json says, which may lag behind.</summary>
    public SavedLease? Lease { get; init; }

    /// <summary>What cache.json says, which may lag behind, too.</summary>
    public SavedAnswers? Answers { get; init; }

    /// <summary>A new machine's.</summary>
    /// <param name="agent">Its number.</param>
    /// <param name="generation">How often it was installed before.</param>
    public static AgentDisk New(int agent, int generation) => new($"node-{agent}-{generation}", $"02:00:00:00:{generation % 256:x2}:{agent:x2}");

    /// <summary>What a start without etcd can go by: the daemon's conditions for it.</summary>
    public SavedAnswers? AnswersFor(IPAddress publicIP) =>
        Answers is { } saved && saved.PublicIP.Equals(publicIP) && Lease is { } lease && lease.Subnet == Subnet && saved.Config.Fits(lease.Subnet) ? saved : null;
}
