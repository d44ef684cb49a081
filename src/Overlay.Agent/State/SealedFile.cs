using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Overlay.Agent.Files;
using Overlay.Encap.Linux.Files;

namespace Overlay.Agent.State;

/// <summary>
/// A file of the state folder, mode 0600: <c>{"version":1,"checksum":"SHA-256 of the state's text","state":{...}}</c>, replaced whole.
/// One that a newer agent wrote is never overwritten. Not thread-safe; used by the holder of the <see cref="InstanceLock"/>.
/// </summary>
/// <param name="path">Absolute path.</param>
/// <param name="version">What this agent writes, and reads with certainty.</param>
/// <param name="sizeLimit">A longer file is not ours, bytes.</param>
internal sealed class SealedFile(string path, int version, int sizeLimit)
{
    private const UnixFileMode FileBits = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private int? _versionOnDisk;   // nobody else writes while the lock is held, so it is read once

    /// <summary>Reads the file. Never blocks, never throws for what it holds.</summary>
    public SealedState Read()
    {
        _versionOnDisk = 0;
        if (!HostFile.TryReadRegular(path, sizeLimit, out byte[]? content, out string? problem)) return new SealedState(null, problem);
        try
        {
            StateEnvelope? envelope = JsonSerializer.Deserialize(content, StateJson.Default.StateEnvelope);
            if (envelope is not { Version: >= 1, State.ValueKind: JsonValueKind.Object }) return new SealedState(null, "it is not a state file of this agent");
            _versionOnDisk = envelope.Version;
            if (envelope.Version > version)
                return new SealedState(envelope.State, $"it is of version {envelope.Version}, written by a newer agent; it is left as it is", IsNewer: true);
            bool isWhole = envelope.Checksum == Checksum(JsonMarshal.GetRawUtf8Value(envelope.State));
            return isWhole ? new SealedState(envelope.State, null) : new SealedState(null, "its checksum is wrong");
        }
        catch (JsonException)
        {
            return new SealedState(null, "it is not JSON of the form expected");
        }
    }

    /// <summary>Replaces the file, and makes the state folder (0700) where that is missing. Waits for the disk.</summary>
    /// <param name="state">A JSON object.</param>
    /// <param name="problem">Why it was not saved: the disk, or a file there that a newer agent wrote.</param>
    public bool TryWrite(ReadOnlySpan<byte> state, [NotNullWhen(false)] out string? problem)
    {
        if (_versionOnDisk is null) _ = Read();
        if (_versionOnDisk > version)
        {
            problem = $"the file there is of version {_versionOnDisk}, written by a newer agent";
            return false;
        }
        byte[] head = Encoding.ASCII.GetBytes($$"""{"version":{{version}},"checksum":"{{Checksum(state)}}","state":""");
        byte[] content = [.. head, .. state, (byte)'}', (byte)'\n'];
        return AtomicFile.TryReplace(path, content, FileBits, FileBits | UnixFileMode.UserExecute, out problem);
    }

    private static string Checksum(ReadOnlySpan<byte> text) => Convert.ToHexStringLower(SHA256.HashData(text));
}

/// <summary>What <see cref="SealedFile"/> found.</summary>
/// <param name="State">The state; null where there is none to be had.</param>
/// <param name="Problem">What is wrong, in words for one log line; null when the file is good or not there.</param>
/// <param name="IsNewer">A newer agent wrote it: not everything in it may be understood.</param>
internal readonly record struct SealedState(JsonElement? State, string? Problem, bool IsNewer = false);
