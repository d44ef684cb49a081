using System.Diagnostics.CodeAnalysis;
using Overlay.Encap.Linux.Files;

namespace Overlay.Agent.Files;

/// <summary>
/// Replaces a whole file so that a reader, a crash or a power cut at any moment leaves either the old content or the new: a temporary
/// file in the same folder, fsync, rename, fsync of the folder. The temporary name is fixed, so one left by a crash goes with the next
/// write; callers hold the <see cref="State.InstanceLock"/>, which keeps a second writer away.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Writes a file, and its folder where that is missing.</summary>
    /// <param name="path">Absolute path. A link there is replaced, not followed.</param>
    /// <param name="content">The whole content.</param>
    /// <param name="mode">Permission bits of the file, whatever the umask says.</param>
    /// <param name="folderMode">Permission bits of a folder made for it, whatever the umask says; an existing folder keeps its own.</param>
    /// <param name="problem">Why it could not be written (disk full, read-only, ...), in words for a log line.</param>
    /// <returns>False when nothing changed for readers; the caller tries again later.</returns>
    public static bool TryReplace(
        string path, ReadOnlySpan<byte> content, UnixFileMode mode, UnixFileMode folderMode, [NotNullWhen(false)] out string? problem)
    {
        string folder = Path.GetDirectoryName(path) ?? "/";
        string temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.overlay-agent.tmp");
        try
        {
            EnsureFolder(folder, folderMode);
            File.Delete(temporary);
            WriteNew(temporary, content, mode);
            File.Move(temporary, path, overwrite: true);
            HostFile.FlushDirectory(folder);
            problem = null;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = e.Message;
            TryDelete(temporary);
            return false;
        }
    }

    /// <summary>Makes a folder and those above it. Only the ones made here get <paramref name="mode"/>.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static void EnsureFolder(string path, UnixFileMode mode)
    {
        if (Directory.Exists(path)) return;
        if (Path.GetDirectoryName(path) is { } above) EnsureFolder(above, mode);
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, mode);
    }

    private static void WriteNew(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using var file = new FileStream(path, options);
        File.SetUnixFileMode(file.SafeFileHandle, mode);
        file.Write(content);
        file.Flush(flushToDisk: true);
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure that brought us here is the one to report; the leftover goes with the next write.
        }
    }
}
