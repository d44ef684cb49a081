using System.Diagnostics.CodeAnalysis;
using System.Text;
using Overlay.Agent.Files;

namespace Overlay.Agent.Docker;

/// <summary>Docker's options file on disk. Replaced whole, since Docker's unit may read it at any moment.</summary>
internal static class DockerOptionsFile
{
    private const UnixFileMode FileBits = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode FolderBits = FileBits | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Writes the options that belong to a subnet, both singly and combined.</summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="env">What subnet.env says.</param>
    /// <param name="problem">Why it failed, for the log; the old file is whole and the caller tries again.</param>
    public static bool TryWrite(string path, SubnetEnv env, [NotNullWhen(false)] out string? problem) => TryWrite(path, Content(env), out problem);

    /// <summary>What is written for a subnet.</summary>
    public static byte[] Content(SubnetEnv env)
    {
        Dictionary<string, string> variables = DotEnv.Parse(Encoding.ASCII.GetString(env.ToBytes()));
        return Encoding.UTF8.GetBytes(DockerOptions.File(DockerOptions.From(variables, withMasquerade: true), singly: true, DockerOptions.DefaultKey));
    }

    /// <summary>Writes any content: the file replaced, mode 0644; a device such as /dev/stdout written to.</summary>
    public static bool TryWrite(string path, string content, [NotNullWhen(false)] out string? problem) => TryWrite(path, Encoding.UTF8.GetBytes(content), out problem);

    private static bool TryWrite(string path, byte[] bytes, [NotNullWhen(false)] out string? problem)
    {
        if (!path.StartsWith("/dev/", StringComparison.Ordinal)) return AtomicFile.TryReplace(path, bytes, FileBits, FolderBits, out problem);
        try
        {
            using FileStream device = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            device.Write(bytes);
            problem = null;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = e.Message;
            return false;
        }
    }
}
