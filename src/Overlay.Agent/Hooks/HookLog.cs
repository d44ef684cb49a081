using System.Net;
using Microsoft.Extensions.Logging;

namespace Overlay.Agent.Hooks;

/// <summary>What is said of the hook. Event ids 3220 to 3229. Its output is escaped by the caller.</summary>
internal static partial class HookLog
{
    [LoggerMessage(3220, LogLevel.Warning, "the subnet has changed from {Old} to {New}: running {Command}")]
    public static partial void HookRuns(this ILogger logger, IPNetwork old, IPNetwork @new, string command);

    [LoggerMessage(3221, LogLevel.Information, "{Command} has ended well after {Seconds:0.0} s; it said: {Output}")]
    public static partial void HookDone(this ILogger logger, string command, double seconds, string output);

    [LoggerMessage(3222, LogLevel.Error, "{Command} {What}; it said: {Output}")]
    public static partial void HookFailed(this ILogger logger, string command, string what, string output);
}
