using System.Globalization;

namespace Overlay.Agent.Systemd;

/// <summary>How long systemd waits for a sign of life (sd_watchdog_enabled(3)).</summary>
public static class WatchdogPatience
{
    /// <summary>Reads what systemd has put into the environment.</summary>
    /// <param name="microseconds">The value of WATCHDOG_USEC.</param>
    /// <param name="process">The value of WATCHDOG_PID: whose signs are meant; null for anybody's.</param>
    /// <returns>The time, or null where no watchdog waits for this process.</returns>
    public static TimeSpan? Read(string? microseconds, string? process)
    {
        bool isOurs = process is null || process == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        bool isTime = long.TryParse(microseconds, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value is > 0 and <= long.MaxValue / 10;
        return isOurs && isTime ? TimeSpan.FromMicroseconds(value) : null;
    }
}
