using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Cli;
using Overlay.Agent.Healing;
using Overlay.Agent.Services;
using Overlay.Agent.State;
using Overlay.Agent.Systemd;
using Overlay.Agent.Telemetry;

namespace Overlay.Agent.Startup;

/// <summary>The daemon's life around its service: log, lock, host, exit code.</summary>
public static class AgentProcess
{
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Runs until asked to stop or until a fatal fault.</summary>
    /// <returns>The exit code: 0 asked to stop, 1 cannot start or a fatal fault.</returns>
    public static async Task<int> RunAsync(Invocation.Run run)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddAgentConsole(run.Options.LogFormat, run.Options.LogLevel, TimeProvider.System);
        builder.Services
            .AddSingleton(run.Options)
            .AddSingleton<TimeProvider>(BootTimeProvider.Machine)
            .AddSingleton(new SdNotify(Environment.GetEnvironmentVariable("NOTIFY_SOCKET")))
            .AddSingleton<AgentExit>()
            .AddHostedService<AgentService>()
            .Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        using IHost host = builder.Build();

        AgentExit exit = host.Services.GetRequiredService<AgentExit>();   // the host disposes of its services when it has run
        ILogger log = host.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Overlay.Agent");
        log.Starting(VersionText.Number, run.Given.Length == 0 ? "defaults" : run.Given);
        foreach (string warning in run.Warnings) log.OptionWarning(warning);
        KeepMemoryOutOfCoreDumps(log);
        if (!InstanceLock.TryAcquire(run.Options.StateDirectory, out InstanceLock? held, out string? problem))
        {
            log.CannotStart(problem);
            return 1;
        }
        using (held)
        {
            await host.RunAsync();
            return exit.Code;
        }
    }

    // etcd's password and the client's private key are in there (FAULTS J7). What is left of a core dump, the registers, still says where it ended.
    private static void KeepMemoryOutOfCoreDumps(ILogger log)
    {
        try
        {
            File.WriteAllText("/proc/self/coredump_filter", "0");   // core(5)
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.CoreDumpsAreWhole(e.Message);
        }
    }
}
