using System.Net;
using Overlay.Agent.State;
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

    /// <summary>What an agent on this host has remembered of the content; asked for only where etcd could not be read.</summary>
    public EtcdCache? Cache { get; init; }

    /// <summary>The network config as far as it is known, to etcd or to this host.</summary>
    public NetworkConfig? KnownConfig => Config ?? Cache?.Config;

    /// <summary>The other nodes' leases that agents use, as far as they are known.</summary>
    public IReadOnlyList<Lease> Peers(IPAddress? publicIp) =>
    [
        .. (Cache is null ? Keys.Select(k => k.Lease).OfType<Lease>() : Cache.Leases.Leases.Values)
            .Where(l => !l.Attributes.PublicIP.Equals(publicIp) && l.Attributes.BackendType == "vxlan"),
    ];

    /// <summary>These facts with what a state folder remembers, where etcd could not be read and that is of the same prefix.</summary>
    public EtcdFacts WithCache(string stateDirectory, string prefix) =>
        Problem is not null && new CacheFile(stateDirectory).Load(out _) is { } cache && cache.Prefix == prefix ? this with { Cache = cache } : this;
}
