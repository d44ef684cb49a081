using System.Text.Json;
using System.Text.Json.Serialization;
using Overlay.Subnet.Model;

namespace Overlay.Agent.State;

/// <summary>The files of the state folder as JSON; source-generated, so that they need no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StateEnvelope))]
[JsonSerializable(typeof(StateBody))]
[JsonSerializable(typeof(CacheBody))]
internal sealed partial class StateJson : JsonSerializerContext;

/// <summary>The outer object of each file. Its shape is the same in every version.</summary>
/// <param name="Version">Version of <paramref name="State"/>.</param>
/// <param name="Checksum">SHA-256 over the text of <paramref name="State"/> as it stands in the file, in lower-case hex.</param>
/// <param name="State">The state itself.</param>
internal sealed record StateEnvelope(int Version, string? Checksum, JsonElement State);

/// <summary>state.json in version 1, in text form; see <see cref="AgentState"/> for the meaning.</summary>
internal sealed record StateBody(
    string? NodeId, string? VtepMac, string? Network, string? Subnet, long? EtcdLease, DateTimeOffset? LeaseExpires, string? Announced, string? DockerOptionsFile);

/// <summary>cache.json in version 1; see <see cref="EtcdCache"/> for the meaning. Config and values are the texts that stood in etcd.</summary>
internal sealed record CacheBody(
    string? NodeId, string? VtepMac, string? Prefix, string? PublicIp, DateTimeOffset Saved, JsonElement Config, long Revision, IReadOnlyList<CacheEntry?>? Leases);

/// <summary>One key below <c>subnets/</c>, with its etcd lease and revisions; <see cref="Lease.IsRetained"/> where that is so.</summary>
internal sealed record CacheEntry(string? Key, JsonElement Value, long EtcdLease, long Created, long Modified, bool? Retained = null);
