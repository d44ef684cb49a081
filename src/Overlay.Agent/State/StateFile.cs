using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text.Json;
using Overlay.Agent.Text;
using Overlay.Encap.Wire;

namespace Overlay.Agent.State;

/// <summary>
/// <c>state.json</c> in the state folder. A file that is damaged is ignored with a reason and replaced by the next save. One from a newer
/// agent is read as far as it is understood, so that a downgrade keeps its identity. Used as <see cref="SealedFile"/> is.
/// </summary>
public sealed class StateFile
{
    /// <summary>Its name in the state folder.</summary>
    public const string FileName = "state.json";

    private const int SizeLimit = 64 * 1024;

    private readonly SealedFile _file;

    /// <summary>Names the file; touches nothing.</summary>
    /// <param name="stateDirectory">Absolute path of the state folder.</param>
    public StateFile(string stateDirectory) => _file = new SealedFile(Path.Combine(stateDirectory, FileName), 1, SizeLimit);

    /// <summary>Reads the file. Never blocks, never throws for what it holds.</summary>
    public LoadedState Load()
    {
        SealedState found = _file.Read();
        try
        {
            AgentState? state = Decode(found.State?.Deserialize(StateJson.Default.StateBody));
            return new LoadedState(state, state is null && found is { State: not null, IsNewer: false } ? "its values are damaged" : found.Problem);
        }
        catch (JsonException)
        {
            return new LoadedState(null, "it is not JSON of the form expected");
        }
    }

    /// <summary>Replaces the file, and makes the state folder (0700) where that is missing. Waits for the disk.</summary>
    /// <param name="state">The state.</param>
    /// <param name="problem">Why it was not saved: the disk, or a file there that a newer agent wrote.</param>
    public bool TrySave(AgentState state, [NotNullWhen(false)] out string? problem)
    {
        StateBody body = new(
            state.NodeId, state.VtepMac.ToString(), state.Network?.ToString(), state.Subnet?.ToString(), state.EtcdLeaseId, state.LeaseExpires, state.Announced?.ToString(),
            state.DockerOptionsFile);
        return _file.TryWrite(JsonSerializer.SerializeToUtf8Bytes(body, StateJson.Default.StateBody), out problem);
    }

    private static AgentState? Decode(StateBody? body)
    {
        if (!AgentState.IsNodeId(body?.NodeId) || !MacAddress.TryParse(body!.VtepMac, out MacAddress mac) || !mac.IsUnicast) return null;
        return new AgentState(body.NodeId!, mac)
        {
            Network = Network(body.Network),
            Subnet = Network(body.Subnet),
            EtcdLeaseId = body.EtcdLease,
            LeaseExpires = body.LeaseExpires,
            Announced = Network(body.Announced),
            DockerOptionsFile = body.DockerOptionsFile is ['/', ..] ? body.DockerOptionsFile : null,
        };
    }

    private static IPNetwork? Network(string? text) => text is not null && GoLiterals.TryNetwork(text, out IPNetwork network) ? network : null;
}
