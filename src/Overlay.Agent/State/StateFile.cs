using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Overlay.Agent.Files;
using Overlay.Agent.Text;
using Overlay.Encap.Linux.Files;
using Overlay.Encap.Wire;

namespace Overlay.Agent.State;

/// <summary>
/// <c>state.json</c> in the state folder, mode 0600. A file that is damaged is ignored with a reason and replaced by the next save. One
/// from a newer agent is read as far as it is understood, so that a downgrade keeps its identity, and never overwritten. Not
/// thread-safe; used by the holder of the <see cref="InstanceLock"/>.
/// </summary>
public sealed class StateFile
{
    /// <summary>Its name in the state folder.</summary>
    public const string FileName = "state.json";

    private const int CurrentVersion = 1;
    private const int SizeLimit = 64 * 1024;
    private const UnixFileMode FileBits = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _path;

    /// <summary>Names the file; touches nothing.</summary>
    /// <param name="stateDirectory">Absolute path of the state folder.</param>
    public StateFile(string stateDirectory) => _path = Path.Combine(stateDirectory, FileName);

    /// <summary>Reads the file. Never blocks, never throws for what it holds.</summary>
    public LoadedState Load()
    {
        if (!HostFile.TryReadRegular(_path, SizeLimit, out byte[]? content, out string? problem)) return new LoadedState(null, problem);
        try
        {
            StateEnvelope? envelope = JsonSerializer.Deserialize(content, StateJson.Default.StateEnvelope);
            if (envelope is not { Version: >= CurrentVersion, State.ValueKind: JsonValueKind.Object }) return new LoadedState(null, "it is not a state file of this agent");
            bool isNewer = envelope.Version > CurrentVersion;
            if (!isNewer && envelope.Checksum != Checksum(envelope.State.GetRawText())) return new LoadedState(null, "its checksum is wrong");

            AgentState? state = Decode(envelope.State.Deserialize(StateJson.Default.StateBody));
            if (isNewer) return new LoadedState(state, $"it is of version {envelope.Version}, written by a newer agent; it is left as it is");
            return new LoadedState(state, state is null ? "its values are damaged" : null);
        }
        catch (JsonException)
        {
            return new LoadedState(null, "it is not JSON of the form expected");
        }
    }

    /// <summary>Replaces the file, and makes the state folder (0700) where that is missing.</summary>
    /// <param name="state">The state.</param>
    /// <param name="problem">Why it was not saved: the disk, or a file there that a newer agent wrote.</param>
    public bool TrySave(AgentState state, [NotNullWhen(false)] out string? problem)
    {
        if (VersionOnDisk() is > CurrentVersion and var version)
        {
            problem = $"the file there is of version {version}, written by a newer agent";
            return false;
        }
        string body = JsonSerializer.Serialize(
            new StateBody(state.NodeId, state.VtepMac.ToString(), state.Network?.ToString(), state.Subnet?.ToString()), StateJson.Default.StateBody);
        string text = $$"""{"version":{{CurrentVersion}},"checksum":"{{Checksum(body)}}","state":{{body}}}""" + "\n";
        return AtomicFile.TryReplace(_path, Encoding.UTF8.GetBytes(text), FileBits, FileBits | UnixFileMode.UserExecute, out problem);
    }

    private int? VersionOnDisk()
    {
        if (!HostFile.TryReadRegular(_path, SizeLimit, out byte[]? content, out _)) return null;
        try
        {
            return JsonSerializer.Deserialize(content, StateJson.Default.StateEnvelope)?.Version;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static AgentState? Decode(StateBody? body)
    {
        bool hasIdentity = body?.NodeId is { Length: 32 } id && id.All(char.IsAsciiHexDigitLower);
        if (!hasIdentity || !MacAddress.TryParse(body!.VtepMac, out MacAddress mac) || !mac.IsUnicast) return null;
        return new AgentState(body.NodeId!, mac, Network(body.Network), Network(body.Subnet));
    }

    private static IPNetwork? Network(string? text) => text is not null && GoLiterals.TryNetwork(text, out IPNetwork network) ? network : null;

    private static string Checksum(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
