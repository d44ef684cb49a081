using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux.Files;

/// <summary>
/// The two things a root daemon needs of a file that <see cref="File"/> does not offer: reading a path that somebody else may have
/// replaced with a FIFO, a device or a link, without ever blocking on it; and making a rename durable. Stateless, any thread.
/// </summary>
public static unsafe partial class HostFile
{
    /// <summary>
    /// Reads a whole regular file. A link, FIFO, socket, device or folder at <paramref name="path"/> is not opened at all.
    /// Never waits for another process.
    /// </summary>
    /// <param name="path">The file; links in the folders above it are followed, a link as the last part is not.</param>
    /// <param name="limit">Largest size to read, in bytes; a longer file is refused unread.</param>
    /// <param name="content">The bytes, or null where there are none to be had.</param>
    /// <param name="problem">Why not, in words for a log line; null when the file is simply not there.</param>
    /// <returns>Whether <paramref name="content"/> is there.</returns>
    public static bool TryReadRegular(string path, int limit, [NotNullWhen(true)] out byte[]? content, out string? problem)
    {
        content = null;
        if (!TryStat(path, out StatxHead stat, out int error))
        {
            problem = error is ENOENT or ENOTDIR ? null : Marshal.GetPInvokeErrorMessage(error);
            return false;
        }
        problem = Refusal(stat, limit);
        if (problem is not null) return false;

        // The path may have been swapped since: neither flag lets the open follow a link or wait for a FIFO's writer.
        int descriptor = OpenPath(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (descriptor < 0)
        {
            problem = Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());
            return false;
        }
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            content = ReadAtMost(handle, limit);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = e.Message;
        }
        problem ??= content is null ? TooLong(limit) : null;
        return content is not null;
    }

    /// <summary>Makes renames and new names in a folder survive a power cut (fsync on the folder).</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="IOException">The folder cannot be opened or flushed.</exception>
    public static void FlushDirectory(string path)
    {
        int descriptor = OpenPath(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor < 0) throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.FlushToDisk(handle);
    }

    private static string? Refusal(in StatxHead stat, int limit) => (stat.Mode & TypeMask) switch
    {
        TypeRegular when stat.Size > (ulong)limit => TooLong(limit),
        TypeRegular => null,
        TypeFifo => "it is a FIFO, not a regular file",
        TypeDirectory => "it is a folder, not a regular file",
        TypeLink => "it is a symbolic link, not a regular file",
        _ => "it is not a regular file",
    };

    private static string TooLong(int limit) => $"it is longer than {limit} bytes";

    private static byte[]? ReadAtMost(SafeFileHandle handle, int limit)
    {
        byte[] buffer = new byte[limit + 1];
        int length = 0;
        while (length < buffer.Length)
        {
            int read = RandomAccess.Read(handle, buffer.AsSpan(length), length);
            if (read == 0) return buffer[..length];
            length += read;
        }
        return null;
    }

    private static bool TryStat(string path, out StatxHead stat, out int error)
    {
        StatxHead head;
        int result = Statx(AtCwd, path, AtSymlinkNoFollow, StatxTypeAndSize, &head);
        error = result < 0 ? Marshal.GetLastPInvokeError() : 0;
        stat = head;
        return result == 0;
    }

    // statx(2), linux/stat.h: one layout on every architecture, unlike struct stat.
    private const int AtCwd = -100;
    private const int AtSymlinkNoFollow = 0x100;
    private const uint StatxTypeAndSize = 0x1 | 0x200;
    private const int TypeMask = 0xF000;
    private const int TypeFifo = 0x1000;
    private const int TypeDirectory = 0x4000;
    private const int TypeRegular = 0x8000;
    private const int TypeLink = 0xA000;
    private const int ENOENT = 2;
    private const int ENOTDIR = 20;

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxHead
    {
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(40)] public ulong Size;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenPath(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, StatxHead* result);
}
