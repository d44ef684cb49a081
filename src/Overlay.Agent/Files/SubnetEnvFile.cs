using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text;
using Overlay.Agent.Text;
using Overlay.Encap.Linux.Files;

namespace Overlay.Agent.Files;

/// <summary>
/// The file that Docker's unit reads. Written whole or not at all; read back at start for the subnet to ask for again. What is read was
/// perhaps written by another program (some units let mk-docker-opts.sh overwrite it), so anything may be in there.
/// </summary>
public static class SubnetEnvFile
{
    /// <summary>Larger than any file of this kind; a longer one is not ours.</summary>
    private const int SizeLimit = 64 * 1024;

    private const UnixFileMode FileBits = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode FolderBits = FileBits | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Replaces the file, mode 0644, and makes its folder (0755) where that is missing.</summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="env">The content.</param>
    /// <param name="problem">Why it failed (disk full, read-only, ...), for the log; the old file is whole and the caller tries again.</param>
    public static bool TryWrite(string path, SubnetEnv env, [NotNullWhen(false)] out string? problem) =>
        AtomicFile.TryReplace(path, env.ToBytes(), FileBits, FolderBits, out problem);

    /// <summary>Reads the networks that an earlier run left. Never blocks, never throws for what the file holds.</summary>
    public static PreviousSubnet ReadPrevious(string path)
    {
        if (ReadVariables(path, out string? problem) is not { } variables) return new PreviousSubnet(null, null, problem);
        IPNetwork? network = Network(variables, "FLANNEL_NETWORK", out _);
        IPNetwork? subnet = Network(variables, "FLANNEL_SUBNET", out problem);
        return new PreviousSubnet(network, subnet, problem);
    }

    /// <summary>Reads what the file assigns.</summary>
    /// <returns>Null where there is nothing to be read; <paramref name="problem"/> then says why, or null for no file at all.</returns>
    internal static Dictionary<string, string>? ReadVariables(string path, out string? problem) =>
        HostFile.TryReadRegular(path, SizeLimit, out byte[]? content, out problem) ? DotEnv.Parse(Encoding.UTF8.GetString(content)) : null;

    /// <summary>
    /// The one network that a variable names, masked, or null. As flannel: members of a comma list that are no networks are passed over,
    /// and more than one that is makes the value useless.
    /// </summary>
    internal static IPNetwork? Network(Dictionary<string, string> variables, string name, out string? problem)
    {
        problem = null;
        if (!variables.TryGetValue(name, out string? text))
        {
            problem = $"it has no {name}";
            return null;
        }
        List<IPNetwork> networks = [];
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (GoLiterals.TryNetwork(part, out IPNetwork network)) networks.Add(network);
        }
        if (networks.Count == 1) return networks[0];
        problem = networks.Count == 0 ? $"its {name} is not a network: {Printable.Quote(text)}" : $"its {name} names {networks.Count} networks";
        return null;
    }
}
