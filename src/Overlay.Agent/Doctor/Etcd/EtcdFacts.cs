using System.Net;
using Overlay.Subnet.Model;
using Overlay.Subnet.Survey;

namespace Overlay.Agent.Doctor.Etcd;

/// <summary>What etcd holds of this overlay, and how its members are.</summary>
internal sealed record EtcdFacts
{
    /// <summary>The endpoints, each by itself.</summary>
    public IReadOnlyList<MemberFacts> Members { get; init; } = [];

    /// <summary>Why the cluster as a whole could not be read; null when it could.</summary>
    public string? Problem { get; init; }

    /// <summary>The network config, or null.</summary>
    public NetworkConfig? Config { get; init; }

    /// <summary>Why there is none; null when there is one or etcd could not be read.</summary>
    public string? ConfigProblem { get; init; }

    /// <summary>Every key below <c>subnets/</c>, judged.</summary>
    public IReadOnlyList<SurveyedKey> Keys { get; init; } = [];

    /// <summary>How long the etcd lease of this node's key lives yet; null where it does not exist or was not asked for.</summary>
    public EtcdLeaseLife? OwnLife { get; init; }

    /// <summary>This node's leases: those with its public address.</summary>
    public IEnumerable<Lease> Own(IPAddress publicIp) => Keys.Select(k => k.Lease).OfType<Lease>().Where(l => l.Attributes.PublicIP.Equals(publicIp));

    /// <summary>The other nodes' leases that agents use.</summary>
    public IReadOnlyList<Lease> Peers(IPAddress? publicIp) =>
        [.. Keys.Where(k => k.Lease is not null).Select(k => k.Lease!).Where(l => !l.Attributes.PublicIP.Equals(publicIp) && l.Attributes.BackendType == "vxlan")];
}
