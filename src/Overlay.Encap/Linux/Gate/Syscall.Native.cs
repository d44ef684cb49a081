using System.Runtime.InteropServices;
using Overlay.Encap.Linux.Abi;

namespace Overlay.Encap.Linux.Gate;

internal static unsafe partial class Syscall
{
    /// <summary>
    /// What Tmds.LibC 0.5 lacks, and poll, which it has without SetLastError: a poll that a signal interrupts fails there with whatever
    /// error came last. The generated stubs hold a handle open across the call and keep errno.
    /// </summary>
    private static partial class Native
    {
        [LibraryImport("libc", SetLastError = true)]
        internal static partial int poll(Tmds.Linux.pollfd* entries, nuint count, int timeoutMilliseconds);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial nint writev(FileDescriptor descriptor, iovec* pieces, int count);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int sendmmsg(FileDescriptor descriptor, mmsghdr* messages, uint count, int flags);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int recvmmsg(FileDescriptor descriptor, mmsghdr* messages, uint count, int flags, void* timeout);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int statx(int folder, byte* path, int flags, uint mask, statx* result);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int fsync(FileDescriptor descriptor);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int clock_gettime(int clock, Tmds.Linux.timespec* time);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int sched_setscheduler(int thread, int policy, int* priority);

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int sched_yield();

        [LibraryImport("libc", SetLastError = true)]
        internal static partial int adjtimex(timex* state);
    }
}
