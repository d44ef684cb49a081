using System.Diagnostics.CodeAnalysis;
using Overlay.Agent.Docker;
using Overlay.Encap.Linux.Files;

namespace Overlay.Agent.Files;

/// <summary>The files that tell the rest of this host of the node's subnet: subnet.env, and Docker's options where they are asked for.</summary>
/// <param name="subnetFile">Absolute path of subnet.env.</param>
/// <param name="dockerFile">Absolute path of Docker's options; null for none.</param>
internal sealed class NodeFiles(string subnetFile, string? dockerFile)
{
    /// <summary>Writes all of them.</summary>
    /// <param name="env">What they are to say.</param>
    /// <param name="path">The file that could not be written; null when all were.</param>
    /// <param name="problem">Why not, for the log; what stood there is whole, and the caller tries again.</param>
    public bool TryWrite(SubnetEnv env, [NotNullWhen(false)] out string? path, [NotNullWhen(false)] out string? problem)
    {
        path = subnetFile;
        bool written = SubnetEnvFile.TryWrite(path, env, out problem);
        if (written && dockerFile is not null) written = DockerOptionsFile.TryWrite(path = dockerFile, env, out problem);
        if (written) path = null;
        return written;
    }

    /// <summary>The first file that is gone or says something else; null when all are as written. Never blocks.</summary>
    public string? Astray(SubnetEnv env)
    {
        if (!Holds(subnetFile, env.ToBytes())) return subnetFile;
        bool isFile = dockerFile?.StartsWith("/dev/", StringComparison.Ordinal) == false;
        return isFile && !Holds(dockerFile!, DockerOptionsFile.Content(env)) ? dockerFile : null;
    }

    private static bool Holds(string path, byte[] content) => HostFile.TryReadRegular(path, content.Length, out byte[]? found, out _) && content.AsSpan().SequenceEqual(found);
}
