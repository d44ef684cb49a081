using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Reading;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Agent.Doctor;

/// <summary>The verb's work: settings, examination, report, exit code.</summary>
/// <param name="Values">What was given.</param>
/// <param name="EnvironmentFile">The file to take the daemon's variables from; null for the usual ways.</param>
/// <param name="Instance">The instance of overlay-agent@.service that is meant; null for none.</param>
/// <param name="AsJson">Print JSON.</param>
internal sealed record DoctorCommand(FlagValues Values, string? EnvironmentFile, string? Instance, bool AsJson)
{
    /// <summary>Exit code where nothing is worse than OK or SKIP.</summary>
    public const int AllWell = 0;

    /// <summary>Exit code where something is broken, or the examination could not be made.</summary>
    public const int Broken = 1;

    /// <summary>Exit code for settings that cannot be used.</summary>
    public const int Usage = 2;

    /// <summary>Exit code where WARN is the worst.</summary>
    public const int Warned = 3;

    /// <summary>Does it.</summary>
    public async Task<int> RunAsync(VerbConsole console, TimeProvider time, CancellationToken stop)
    {
        HostFiles files = new();
        List<string> errors = [];
        DoctorSettings? settings = DoctorSettings.Resolve(Values, EnvironmentFile, Instance, files, errors);
        if (settings is null)
        {
            errors.ForEach(console.Complain);
            return Usage;
        }
        try
        {
            Examination examination = new(settings, files, time, Examination.DefaultLimit, word => console.Error.WriteLine($"overlay-agent doctor: {word} ..."));
            IReadOnlyList<Finding> findings = await examination.RunAsync(stop).ConfigureAwait(false);
            await console.Out.WriteAsync(AsJson ? Report.Json(findings, settings.Source) : Report.Text(findings, settings.Source)).ConfigureAwait(false);
            if (examination.GaveUp) console.Complain("something took too long and was given up; the report has what is known");
            return examination.GaveUp ? Broken : ExitCode(Report.Worst(findings));
        }
        catch (LinuxException e)
        {
            console.Complain(e.Message);
            return Broken;
        }
        catch (OperationCanceledException)
        {
            console.Complain("broken off");
            return Broken;
        }
    }

    /// <summary>The exit code for the worst verdict.</summary>
    public static int ExitCode(Verdict worst) => worst switch
    {
        Verdict.Fail => Broken,
        Verdict.Warn => Warned,
        _ => AllWell,
    };
}
