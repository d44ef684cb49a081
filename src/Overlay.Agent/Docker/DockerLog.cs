using Microsoft.Extensions.Logging;

namespace Overlay.Agent.Docker;

/// <summary>What is logged about Docker. Event ids 3250 to 3299.</summary>
internal static partial class DockerLog
{
    [LoggerMessage(3250, LogLevel.Warning, "Docker: {Subject} {Found}; {Advice}")]
    public static partial void DockerDiffers(this ILogger logger, string subject, string found, string advice);

    [LoggerMessage(3251, LogLevel.Debug, "Docker was not looked at: {Problem}")]
    public static partial void DockerUnknown(this ILogger logger, string problem);
}
