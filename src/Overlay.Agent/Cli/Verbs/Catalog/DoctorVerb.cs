using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Configuration;
using Overlay.Agent.Doctor;
using Overlay.Agent.Text;

namespace Overlay.Agent.Cli.Verbs.Catalog;

/// <summary><c>doctor</c>.</summary>
internal static class DoctorVerb
{
    private static readonly Flag EnvironmentFile = new(
        "env-file", FlagKind.Text, "", "FILE", $"take the daemon's FLANNELD_* variables from this file [the running agent, else {AgentUnit.First.EnvironmentFile}]");

    private static readonly Flag Instance = new("instance", FlagKind.Text, "", "NAME", "examine the daemon of overlay-agent@NAME.service");

    /// <summary>The verb.</summary>
    public static readonly Verb Verb = new(
        "doctor", "", "examine this node: MTU, Docker, firewall, sysctls, etcd, peers", [OperatorFlags.Json, Instance, EnvironmentFile, .. AgentFlags.Inheritable], Bind)
    {
        Details = $$"""
            Looks at everything that makes or breaks an overlay on this node and prints a line for each:

              OK    as it should be            WARN  works, but slowly, not for long, or not everywhere
              FAIL  traffic is or will be lost SKIP  not looked at, with the reason

            each with the value found; WARN and FAIL also with why it matters and the command that mends it (what
            stands behind a # in it is for the reader).
            Changes nothing. Watches the processors for 3 s and sends some pings to each peer: takes 5 to 20 s.
            Runs with or without an agent. Run it as root: without, many checks are skipped, and the daemon's
            settings have to be given.

            These are taken from the flags below, else from the environment, else from the agent that runs
            here (its command line and environment), else from {{AgentUnit.First.EnvironmentFile}}. Of several
            agents --instance=NAME means that of overlay-agent@NAME.service, with the files its unit gives it.

            --json prints {"version":1,"verdict","settings","counts":{"OK","WARN","FAIL","SKIP"},"findings":[{"id",
            "subject","verdict","found","why","mend"}]}; "subject" tells one of several, "mend" is for WARN and FAIL.

            The ids of the checks, which stay the same from version to version:
            {{Ids()}}

            exit status: 0 all OK or SKIP; 3 something is WARN; 1 something is FAIL, or it could not look; 2 usage
            """,
    };

    private static VerbAction Bind(VerbLine line)
    {
        line.HasOperands(0, 0);
        string? file = line.Reader.IsGiven(EnvironmentFile) ? line.Reader.AbsolutePath(EnvironmentFile) : null;
        string? instance = line.Reader.Text(Instance);
        if (instance is not null && !AgentUnit.IsName(instance)) line.Reader.Fail(Instance, $"{Printable.Quote(instance)} is no instance's name");
        DoctorCommand command = new(line.Values, file, instance, line.Reader.IsTrue(OperatorFlags.Json));
        return (console, stop) => command.RunAsync(console, TimeProvider.System, stop);
    }

    private static string Ids()
    {
        IEnumerable<string> groups = Checks.All.GroupBy(check => check.Group).Select(group => "  " + string.Join(' ', group.Select(check => check.Id)));
        return string.Join('\n', groups);
    }
}
