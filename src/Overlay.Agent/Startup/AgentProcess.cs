using Microsoft.Extensions.Logging;
using Overlay.Agent.Cli;
using Overlay.Agent.State;
using Overlay.Agent.Telemetry;

namespace Overlay.Agent.Startup;

/// <summary>The daemon's life around its services: log, lock, start, exit code.</summary>
public static class AgentProcess
{
    /// <summary>Runs until asked to stop or until a fatal fault.</summary>
    /// <returns>The exit code: 0 asked to stop, 1 cannot start or a fatal fault.</returns>
    public static async Task<int> RunAsync(Invocation.Run run)
    {
        using ILoggerFactory loggers = LoggerFactory.Create(
            builder => builder.AddAgentConsole(run.Options.LogFormat, run.Options.LogLevel, TimeProvider.System));
        ILogger logger = loggers.CreateLogger("Overlay.Agent");
        logger.Starting(VersionText.Number, run.Given.Length == 0 ? "defaults" : run.Given);
        foreach (string warning in run.Warnings) logger.OptionWarning(warning);

        if (!InstanceLock.TryAcquire(run.Options.StateDirectory, out InstanceLock? held, out string? problem))
        {
            logger.CannotStart(problem);
            return 1;
        }
        using (held)
        {
            await Task.CompletedTask;
            logger.CannotStart("the services of this agent are not part of this build yet");
            return 1;
        }
    }
}
