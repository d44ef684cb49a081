using Overlay.Agent.Cli;
using Overlay.Agent.Cli.Binding;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Configuration;
using Overlay.Agent.Files;
using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor;

/// <summary>
/// The daemon's options, as far as this shell can know them. An operator's shell has neither the unit's command line nor its environment
/// file, so both are looked up: what is given here wins, then what the one agent that is meant was started with, then the file and what
/// its unit sets beside it.
/// </summary>
/// <param name="Options">The options.</param>
/// <param name="Source">Where they come from, in words.</param>
/// <param name="Agents">The agents that run in this network namespace with that state folder: one at most, unless we may not look.</param>
internal sealed record DoctorSettings(AgentOptions Options, string Source, IReadOnlyList<ProcessInfo> Agents)
{
    /// <summary>Resolves them.</summary>
    /// <param name="values">What was given to the verb; what is found elsewhere is added.</param>
    /// <param name="environmentFile">The file to read instead of asking the running agent; null for none.</param>
    /// <param name="instance">The instance that is meant; null where none is named.</param>
    /// <param name="files">This host's.</param>
    /// <param name="errors">Receives one line for each mistake.</param>
    public static DoctorSettings? Resolve(FlagValues values, string? environmentFile, string? instance, HostFiles files, List<string> errors)
    {
        ProcessInfo[] running = [.. new ProcessTable(files).Named("overlay-agent").Where(IsDaemon)];
        List<string> sources = values.Given.Any(AgentFlags.All.Contains) ? ["this command line and environment"] : [];
        AgentUnit? unit = instance is not null ? new AgentUnit(instance) : environmentFile is not null ? AgentUnit.OfFile(environmentFile) : null;
        ProcessInfo? meant = environmentFile is not null ? null
            : unit is null ? running.Length == 1 ? running[0] : null
            : running.FirstOrDefault(agent => StateOf(agent, files) is { } state && AgentUnit.OfState(state) == unit);

        bool isNamed = unit is not null || environmentFile is not null;
        bool isOpen = running.Length > 1 && !isNamed;
        string several = $"{running.Length} agents run here (processes {string.Join(", ", running.Select(a => a.Id))}): name one by its flags, --instance or --env-file={AgentUnit.First.EnvironmentFile}";
        if (isOpen && sources.Count == 0)
        {
            errors.Add(several);   // by the defaults it would be a report on neither
            return null;
        }
        bool found = meant is not null
            ? AddAgents(meant, files, values, sources, errors)
            : AddFile(environmentFile ?? (unit ?? AgentUnit.First).EnvironmentFile, isNamed, files, values, sources, errors);
        if (!found) return null;
        // The unit's own are below its file's; a running agent has them among the others, and another file belongs to no unit.
        AgentUnit? beside = meant is not null ? null : isNamed ? unit : AgentUnit.First;
        if (beside is not null) EnvironmentReader.Read(beside.Variables, AgentFlags.Inheritable, values, [], []);

        AgentOptions? options = OptionsBinder.Bind(values, errors, []);
        if (options is null) return null;
        ProcessInfo[] agents = [.. running.Where(agent => StateOf(agent, files) is not { } state || state == options.StateDirectory)];
        return new DoctorSettings(options, (sources.Count == 0 ? "the defaults" : string.Join(", then ", sources)) + (isOpen ? $"; {several}" : ""), agents);
    }

    // Another doctor, or any verb, is no daemon.
    private static bool IsDaemon(ProcessInfo process) => process.Arguments.Count < 2 || process.Arguments[1].StartsWith('-') || process.Arguments[1] == "run";

    // Two agents never have one folder (they lock it), so it tells them apart. Null where we may not look.
    private static string? StateOf(ProcessInfo agent, HostFiles files)
    {
        FlagValues theirs = FlagsOf(agent);
        if (theirs.IsGiven(AgentFlags.StateDir)) return theirs.Last(AgentFlags.StateDir).Text;
        if (EnvironmentOf(agent, files) is not { } environment) return null;
        AddVariables(environment, theirs);
        return theirs.Last(AgentFlags.StateDir).Text;
    }

    private static FlagValues FlagsOf(ProcessInfo agent)
    {
        FlagValues theirs = new();
        GoFlagParser.Parse([.. agent.Arguments.Skip(1).SkipWhile(a => a == "run")], AgentFlags.All, theirs, []);
        return theirs;
    }

    // Only root can read another's.
    private static string[]? EnvironmentOf(ProcessInfo agent, HostFiles files) => files.Text($"/proc/{agent.Id}/environ")?.Split('\0');

    private static bool AddAgents(ProcessInfo agent, HostFiles files, FlagValues values, List<string> sources, List<string> errors)
    {
        FlagValues theirs = FlagsOf(agent);
        foreach (Flag flag in theirs.Given.Where(f => !values.IsGiven(f)).ToArray())
        {
            foreach (FlagValue value in theirs.All(flag)) values.Add(flag, value);
        }
        if (EnvironmentOf(agent, files) is { } environment)
        {
            AddVariables(environment, values);
            sources.Add($"process {agent.Id}");
            return true;
        }
        sources.Add($"the command line of process {agent.Id} (its environment is only root's to read)");
        return IsEnough(values, $"the environment of process {agent.Id}", errors);
    }

    private static bool AddFile(string path, bool isNamed, HostFiles files, FlagValues values, List<string> sources, List<string> errors)
    {
        if (files.Text(path) is { } text)
        {
            EnvironmentReader.Read(DotEnv.Parse(text), AgentFlags.Inheritable, values, errors, []);
            sources.Add(path);
            return true;
        }
        if (!isNamed) return !files.Exists(path) || IsEnough(values, path, errors);
        errors.Add($"{path} cannot be read{(files.Exists(path) ? ": run doctor as root (sudo)" : ", it is not there")}");
        return false;
    }

    // With etcd at its default place the report would be of some other node.
    private static bool IsEnough(FlagValues values, string hidden, List<string> errors)
    {
        if (values.IsGiven(AgentFlags.EtcdEndpoints)) return true;
        errors.Add($"the daemon's settings cannot be read ({hidden}): run doctor as root (sudo), or give them as flags, --etcd-endpoints at least");
        return false;
    }

    private static void AddVariables(string[] lines, FlagValues values)
    {
        Dictionary<string, string> variables = new(StringComparer.Ordinal);
        foreach (string[] parts in lines.Select(line => line.Split('=', 2)).Where(parts => parts.Length == 2)) variables[parts[0]] = parts[1];
        EnvironmentReader.Read(variables, AgentFlags.Inheritable, values, [], []);
    }
}
