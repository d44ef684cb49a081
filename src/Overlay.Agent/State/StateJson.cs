using System.Text.Json;
using System.Text.Json.Serialization;

namespace Overlay.Agent.State;

/// <summary>The state file as JSON; source-generated, so that it needs no reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StateEnvelope))]
[JsonSerializable(typeof(StateBody))]
internal sealed partial class StateJson : JsonSerializerContext;

/// <summary>The outer object. Its shape is the same in every version.</summary>
/// <param name="Version">Version of <paramref name="State"/>.</param>
/// <param name="Checksum">SHA-256 over the text of <paramref name="State"/> as it stands in the file, in lower-case hex.</param>
/// <param name="State">The state itself.</param>
internal sealed record StateEnvelope(int Version, string? Checksum, JsonElement State);

/// <summary>The state in version 1, in text form; see <see cref="AgentState"/> for the meaning.</summary>
internal sealed record StateBody(string? NodeId, string? VtepMac, string? Network, string? Subnet);
