using Overlay.Agent.Cli;
using Overlay.Agent.Cli.Binding;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Configuration;
using Overlay.Agent.Files;
using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor;

/// <summary>
/// The daemon's options, as far as this shell can know them. An operator's shell has neither the unit's command line nor its environment
/// file, so both are looked up: what is given here wins, then what the one running agent was started with, then the file.
/// </summary>
/// <param name="Options">The options.</param>
/// <param name="Source">Where they come from, in words.</param>
/// <param name="Agents">The agents that run in this network namespace.</param>
internal sealed record DoctorSettings(AgentOptions Options, string Source, IReadOnlyList<ProcessInfo> Agents)
{
    /// <summary>The environment file of the unit, looked at unless another is named.</summary>
    public const string DefaultFile = "/etc/default/overlay-agent";

    /// <summary>Resolves them.</summary>
    /// <param name="values">What was given to the verb; what is found elsewhere is added.</param>
    /// <param name="environmentFile">The file to read instead of asking the running agent; null for none.</param>
    /// <param name="files">This host's.</param>
    /// <param name="errors">Receives one line for each mistake.</param>
    public static DoctorSettings? Resolve(FlagValues values, string? environmentFile, HostFiles files, List<string> errors)
    {
        ProcessInfo[] agents = [.. new ProcessTable(files).Named("overlay-agent").Where(IsDaemon)];
        List<string> sources = values.Given.Any(AgentFlags.All.Contains) ? ["this command line and environment"] : [];
        if (environmentFile is null && agents.Length == 1 && AddAgents(agents[0], files, values)) sources.Add($"process {agents[0].Id}");
        else if (AddFile(environmentFile, files, values, errors) is { } path) sources.Add(path);

        string note = agents.Length > 1 && environmentFile is null ? $"{agents.Length} agents run here (processes {string.Join(", ", agents.Select(a => a.Id))}): name one by its flags or --env-file" : "";
        if (note.Length > 0 && sources.Count == 0)
        {
            errors.Add(note);   // by the defaults it would be a report on neither
            return null;
        }
        AgentOptions? options = OptionsBinder.Bind(values, errors, []);
        if (options is null) return null;
        return new DoctorSettings(options, (sources.Count == 0 ? "the defaults" : string.Join(", then ", sources)) + (note.Length > 0 ? $"; {note}" : ""), agents);
    }

    // Another doctor, or any verb, is no daemon.
    private static bool IsDaemon(ProcessInfo process) => process.Arguments.Count < 2 || process.Arguments[1].StartsWith('-') || process.Arguments[1] == "run";

    private static bool AddAgents(ProcessInfo agent, HostFiles files, FlagValues values)
    {
        FlagValues theirs = new();
        string[] arguments = [.. agent.Arguments.Skip(1).SkipWhile(a => a == "run")];
        GoFlagParser.Parse(arguments, AgentFlags.All, theirs, []);
        foreach (Flag flag in theirs.Given.Where(f => !values.IsGiven(f)).ToArray())
        {
            foreach (FlagValue value in theirs.All(flag)) values.Add(flag, value);
        }
        // Only root can read another's environment.
        if (files.Text($"/proc/{agent.Id}/environ") is { } environment) AddVariables(environment.Split('\0'), values, []);
        return true;
    }

    private static string? AddFile(string? named, HostFiles files, FlagValues values, List<string> errors)
    {
        string path = named ?? DefaultFile;
        if (files.Text(path) is not { } text)
        {
            if (named is not null) errors.Add($"--env-file: {path} cannot be read");
            return null;
        }
        EnvironmentReader.Read(DotEnv.Parse(text), AgentFlags.Inheritable, values, errors, []);
        return path;
    }

    private static void AddVariables(IEnumerable<string> lines, FlagValues values, List<string> errors)
    {
        Dictionary<string, string> variables = new(StringComparer.Ordinal);
        foreach (string[] parts in lines.Select(line => line.Split('=', 2)).Where(parts => parts.Length == 2)) variables[parts[0]] = parts[1];
        EnvironmentReader.Read(variables, AgentFlags.Inheritable, values, errors, []);
    }
}
