using Microsoft.Extensions.Logging;

namespace Overlay.Agent.Systemd;

/// <summary>The watchdog's messages, 3400 to 3419.</summary>
internal static partial class WatchdogLog
{
    [LoggerMessage(3400, LogLevel.Error, "no sign of life from {Loops}; without one for {Patience} s in all, systemd kills and restarts the agent")]
    public static partial void LoopsHang(this ILogger logger, string loops, double patience);
}
