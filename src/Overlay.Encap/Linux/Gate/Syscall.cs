using System.Diagnostics;
using System.Runtime.InteropServices;
using Overlay.Encap.Linux.Abi;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux.Gate;

/// <summary>
/// The one gate to the kernel. Every method takes a <see cref="FileDescriptor"/>, repeats itself on EINTR, throws nothing for what the
/// kernel says, and returns a count (zero or more) or a negated <see cref="Errno"/>. Safe from any thread; memory passed by pointer must
/// be pinned by the caller. Nothing here allocates, except Open, Socket and EventFd
/// for the handle they return, and the calls that take a path as a string.
/// </summary>
internal static unsafe partial class Syscall
{
    /// <summary>The error in a result of this class: <see cref="Errno.None"/> for a count.</summary>
    public static Errno ErrorOf(int result) => result < 0 ? (Errno)(-result) : Errno.None;

    /// <summary>open(2) with O_CLOEXEC added.</summary>
    /// <param name="path">UTF-8 with a terminating zero inside the span: <c>"/dev/net/tun\0"u8</c>.</param>
    /// <param name="flags">O_*.</param>
    /// <param name="descriptor">The new descriptor, or null when the result is negative.</param>
    public static int Open(ReadOnlySpan<byte> path, int flags, out FileDescriptor? descriptor)
    {
        Debug.Assert(path[^1] == 0, "the kernel reads up to a zero");
        int result;
        fixed (byte* name = path)
        {
            do result = Result(open(name, flags | O_CLOEXEC, 0));
            while (result == -(int)Errno.EINTR);
        }
        return Own(result, out descriptor);
    }

    /// <summary>eventfd(2), non-blocking, counter zero.</summary>
    public static int EventFd(out FileDescriptor? descriptor) => Own(Result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), out descriptor);

    /// <summary>read(2). For a packet device one call is one packet; zero is its end.</summary>
    public static int Read(FileDescriptor descriptor, Span<byte> buffer)
    {
        using FileDescriptor.Loan loan = descriptor.Borrow();
        int result;
        fixed (byte* start = buffer)
        {
            do result = Result((int)read(loan.Number, start, buffer.Length));
            while (result == -(int)Errno.EINTR);
        }
        return result;
    }

    /// <summary>write(2). For a packet device one call is one packet.</summary>
    public static int Write(FileDescriptor descriptor, ReadOnlySpan<byte> buffer)
    {
        using FileDescriptor.Loan loan = descriptor.Borrow();
        int result;
        fixed (byte* start = buffer)
        {
            do result = Result((int)write(loan.Number, start, buffer.Length));
            while (result == -(int)Errno.EINTR);
        }
        return result;
    }

    /// <summary>writev(2) of <paramref name="count"/> pieces (at most 1024).</summary>
    public static int WriteV(FileDescriptor descriptor, iovec* pieces, int count)
    {
        int result;
        do result = Result((int)Native.writev(descriptor, pieces, count));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    /// <summary>ioctl(2) whose argument is a pointer.</summary>
    public static int Ioctl(FileDescriptor descriptor, uint request, void* argument)
    {
        using FileDescriptor.Loan loan = descriptor.Borrow();
        int result;
        do result = Result(ioctl(loan.Number, (int)request, argument));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    /// <summary>ioctl(2) whose argument is a structure that the kernel reads and writes.</summary>
    public static int Ioctl<T>(FileDescriptor descriptor, uint request, ref T argument) where T : unmanaged
    {
        fixed (T* start = &argument) return Ioctl(descriptor, request, start);
    }

    /// <summary>ioctl(2) whose argument is a number, as of TUNSETOFFLOAD.</summary>
    public static int Ioctl(FileDescriptor descriptor, uint request, uint argument) => Ioctl(descriptor, request, (void*)(nuint)argument);

    /// <summary>
    /// poll(2) on a device and the kill switch beside it. Returns how many are ready, 0 when the time is over. A wait that a signal
    /// interrupts goes on for what is left of it.
    /// </summary>
    /// <param name="device">Waited on for <paramref name="events"/>.</param>
    /// <param name="events">POLLIN, POLLOUT; POLLERR and POLLHUP are always reported.</param>
    /// <param name="signal">Waited on for POLLIN, normally <see cref="ShutdownSignal.Descriptor"/>.</param>
    /// <param name="timeoutMilliseconds">-1 waits for ever, 0 only looks.</param>
    /// <param name="deviceReady">What of <paramref name="events"/> happened; 0 when the result is not positive.</param>
    /// <param name="signalReady">Whether the signal is up.</param>
    public static int Poll(
        FileDescriptor device, short events, FileDescriptor signal, int timeoutMilliseconds, out short deviceReady, out bool signalReady)
    {
        using FileDescriptor.Loan first = device.Borrow();
        using FileDescriptor.Loan second = signal.Borrow();
        Tmds.Linux.pollfd* entries = stackalloc Tmds.Linux.pollfd[2];
        entries[0] = new() { fd = first.Number, events = events };
        entries[1] = new() { fd = second.Number, events = POLLIN };
        int result = Poll(entries, 2, timeoutMilliseconds);
        deviceReady = result > 0 ? entries[0].revents : (short)0;
        signalReady = result > 0 && entries[1].revents != 0;
        return result;
    }

    /// <summary>The same on two devices, waited on for POLLIN.</summary>
    public static int Poll(
        FileDescriptor first, FileDescriptor second, FileDescriptor signal, int timeoutMilliseconds, out bool firstReady, out bool secondReady, out bool signalReady)
    {
        using FileDescriptor.Loan one = first.Borrow();
        using FileDescriptor.Loan two = second.Borrow();
        using FileDescriptor.Loan three = signal.Borrow();
        Tmds.Linux.pollfd* entries = stackalloc Tmds.Linux.pollfd[3];
        entries[0] = new() { fd = one.Number, events = POLLIN };
        entries[1] = new() { fd = two.Number, events = POLLIN };
        entries[2] = new() { fd = three.Number, events = POLLIN };
        int result = Poll(entries, 3, timeoutMilliseconds);
        firstReady = result > 0 && entries[0].revents != 0;
        secondReady = result > 0 && entries[1].revents != 0;
        signalReady = result > 0 && entries[2].revents != 0;
        return result;
    }

    /// <summary>Moves the calling thread to SCHED_BATCH, at which it does not pre-empt others when woken, so that batches grow.</summary>
    public static int ScheduleThreadAsBatch()
    {
        const int SchedBatch = 3;
        int priority = 0;
        return Result(Native.sched_setscheduler(0, SchedBatch, &priority));
    }

    /// <summary>sched_yield(2): whoever else wants this core gets it.</summary>
    public static void YieldProcessor() => _ = Native.sched_yield();

    /// <summary>adjtimex(2): reads the clock's state, and changes what <see cref="timex.modes"/> says.</summary>
    public static int AdjustClock(ref timex state)
    {
        fixed (timex* start = &state) return Result(Native.adjtimex(start));
    }

    /// <summary>clock_gettime(2): nanoseconds, or a negated <see cref="Errno"/>.</summary>
    public static long ClockGetTime(int clock)
    {
        Tmds.Linux.timespec time = default;
        int result = Result(Native.clock_gettime(clock, &time));
        return result < 0 ? result : (long)time.tv_sec * 1_000_000_000 + (long)time.tv_nsec;
    }

    private static int Poll(Tmds.Linux.pollfd* entries, int count, int timeoutMilliseconds)
    {
        int result = Result(Native.poll(entries, (nuint)count, timeoutMilliseconds));
        if (result != -(int)Errno.EINTR) return result;

        // The wait before the first signal is not deducted: reading the clock on every call would cost the packet loops more than it gives.
        long started = Stopwatch.GetTimestamp();
        int left = timeoutMilliseconds;
        do
        {
            result = Result(Native.poll(entries, (nuint)count, left));
            if (timeoutMilliseconds > 0)
                left = (int)Math.Max(0, timeoutMilliseconds - (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        while (result == -(int)Errno.EINTR);
        return result;
    }

    private static int Own(int result, out FileDescriptor? descriptor)
    {
        descriptor = result < 0 ? null : new FileDescriptor(result);
        return result;
    }

    // errno must be read before anything else can overwrite it, so every native call stands inside this one.
    private static int Result(int returned) => returned >= 0 ? returned : -Marshal.GetLastPInvokeError();
}
