using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Overlay.Agent.Telemetry;

/// <summary>Sets up the console log: everything on stderr, one line each, and a queue that drops rather than blocks.</summary>
public static class AgentLogging
{
    /// <summary>Replaces all providers by the console in the chosen shape.</summary>
    /// <param name="logging">The host's or a factory's builder.</param>
    /// <param name="format">Shape of a line.</param>
    /// <param name="level">Least level that is written. The host's own messages are written from warning on.</param>
    /// <param name="time">Clock of the time stamps.</param>
    public static ILoggingBuilder AddAgentConsole(this ILoggingBuilder logging, LogFormat format, LogLevel level, TimeProvider time)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(level);
        if (level > LogLevel.Trace) logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.Services.AddSingleton<ConsoleFormatter>(new LineConsoleFormatter(time, isJournal: format == LogFormat.Systemd));
        if (format == LogFormat.Json)
        {
            logging.AddJsonConsole(json =>
            {
                json.UseUtcTimestamp = true;
                json.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
            });
        }
        return logging.AddConsole(console =>
        {
            console.FormatterName = format == LogFormat.Json ? ConsoleFormatterNames.Json : LineConsoleFormatter.FormatterName;
            console.LogToStandardErrorThreshold = LogLevel.Trace;
            // A stalled journal or a stopped terminal must not stop whoever logs; the queue's default would.
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
        });
    }
}
