using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Linux.Clock;

/// <summary>
/// The time since the machine was started, its sleep included (CLOCK_BOOTTIME): what the clock on the wall does has no part in it, and it does
/// not stop while the machine is suspended, as the monotonic clock of .NET does.
/// </summary>
public static class BootClock
{
    /// <summary>Ticks of <see cref="Now"/> in one second: nanoseconds.</summary>
    public const long Frequency = 1_000_000_000;

    private const int Boottime = 7;   // CLOCK_BOOTTIME

    /// <summary>The clock now, in nanoseconds.</summary>
    /// <exception cref="LinuxException">The kernel is older than this clock (Linux 2.6.39).</exception>
    public static long Now()
    {
        long now = Syscall.ClockGetTime(Boottime);
        return now >= 0 ? now : throw new LinuxException("read CLOCK_BOOTTIME", (Errno)(-now));
    }
}
