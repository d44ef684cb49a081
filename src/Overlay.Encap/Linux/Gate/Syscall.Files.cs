using System.Text;
using Overlay.Encap.Linux.Abi;

namespace Overlay.Encap.Linux.Gate;

internal static unsafe partial class Syscall
{
    /// <summary>open(2) of a path of the file system, with O_CLOEXEC added.</summary>
    /// <param name="path">The path; one that holds a zero does not exist.</param>
    /// <param name="flags">O_*.</param>
    /// <param name="descriptor">The new descriptor, or null when the result is negative.</param>
    public static int Open(string path, int flags, out FileDescriptor? descriptor)
    {
        descriptor = null;
        return path.Contains('\0') ? -(int)Errno.ENOENT : Open(Encoding.UTF8.GetBytes(path + '\0'), flags, out descriptor);
    }

    /// <summary>statx(2) relative to the working directory.</summary>
    /// <param name="path">The path; one that holds a zero does not exist.</param>
    /// <param name="flags">AT_*.</param>
    /// <param name="mask">STATX_*: what is wanted.</param>
    /// <param name="result">Valid where the result is not negative.</param>
    public static int Statx(string path, int flags, uint mask, out statx result)
    {
        result = default;
        if (path.Contains('\0')) return -(int)Errno.ENOENT;
        int returned;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        fixed (statx* start = &result)
        {
            do returned = Result(Native.statx(FileAbi.AT_FDCWD, name, flags, mask, start));
            while (returned == -(int)Errno.EINTR);
        }
        return returned;
    }

    /// <summary>fsync(2).</summary>
    public static int FSync(FileDescriptor descriptor)
    {
        int result;
        do result = Result(Native.fsync(descriptor));
        while (result == -(int)Errno.EINTR);
        return result;
    }
}
