using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux.Files;

/// <summary>
/// The two things a root daemon needs of a file that <see cref="File"/> does not offer: reading a path that somebody else may have
/// replaced with a FIFO, a device or a link, without ever blocking on it; and making a rename durable. Stateless, any thread.
/// </summary>
public static class HostFile
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
        int result = Syscall.Statx(path, FileAbi.AT_SYMLINK_NOFOLLOW, FileAbi.STATX_TYPE | FileAbi.STATX_SIZE, out statx stat);
        if (result < 0)
        {
            problem = Syscall.ErrorOf(result) is Errno.ENOENT or Errno.ENOTDIR ? null : Words(result);
            return false;
        }
        problem = Refusal(stat, limit);
        if (problem is not null) return false;

        // The path may have been swapped since: neither flag lets the open follow a link or wait for a FIFO's writer.
        result = Syscall.Open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, out FileDescriptor? descriptor);
        if (result >= 0)
        {
            using (descriptor) result = ReadAtMost(descriptor!, limit, out content);
        }
        problem = result < 0 ? Words(result) : content is null ? TooLong(limit) : null;
        return content is not null;
    }

    /// <summary>Makes renames and new names in a folder survive a power cut (fsync on the folder).</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="IOException">The folder cannot be opened or flushed.</exception>
    public static void FlushDirectory(string path)
    {
        int result = Syscall.Open(path, O_RDONLY | O_DIRECTORY, out FileDescriptor? descriptor);
        if (result >= 0)
        {
            using (descriptor) result = Syscall.FSync(descriptor!);
        }
        // A file system that does not flush folders is not at fault.
        if (result < 0 && Syscall.ErrorOf(result) is not (Errno.EINVAL or Errno.EROFS or Errno.EOPNOTSUPP)) throw new IOException($"{path}: {Words(result)}");
    }

    private static string? Refusal(in statx stat, int limit) => (stat.stx_mode & FileAbi.S_IFMT) switch
    {
        FileAbi.S_IFREG when stat.stx_size > (ulong)limit => TooLong(limit),
        FileAbi.S_IFREG => null,
        FileAbi.S_IFIFO => "it is a FIFO, not a regular file",
        FileAbi.S_IFDIR => "it is a folder, not a regular file",
        FileAbi.S_IFLNK => "it is a symbolic link, not a regular file",
        _ => "it is not a regular file",
    };

    private static string TooLong(int limit) => $"it is longer than {limit} bytes";

    private static string Words(int result) => Marshal.GetPInvokeErrorMessage((int)Syscall.ErrorOf(result));

    // The content stays null where it is longer than the limit.
    private static int ReadAtMost(FileDescriptor descriptor, int limit, out byte[]? content)
    {
        content = null;
        byte[] buffer = new byte[limit + 1];
        int length = 0;
        while (length < buffer.Length)
        {
            int read = Syscall.Read(descriptor, buffer.AsSpan(length));
            if (read < 0) return read;
            if (read == 0)
            {
                content = buffer[..length];
                break;
            }
            length += read;
        }
        return length;
    }
}
