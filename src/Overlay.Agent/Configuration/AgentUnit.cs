namespace Overlay.Agent.Configuration;

/// <summary>
/// A daemon as a service of systemd: overlay-agent.service, or an instance of overlay-agent@.service, and what the unit gives it besides
/// its environment file. A test holds the units of <c>deploy/systemd</c> to it.
/// </summary>
/// <param name="Instance">The instance's name; null for the daemon that is the only one, or the first.</param>
internal sealed record AgentUnit(string? Instance)
{
    private const string Defaults = "/etc/default/overlay-agent", Runtime = "/run/flannel", State = "/var/lib/overlay-agent", Options = "docker_opts.env";

    /// <summary>The daemon without an instance's name.</summary>
    public static readonly AgentUnit First = new((string?)null);

    /// <summary>The unit's name, for commands.</summary>
    public string Name => Instance is null ? "overlay-agent" : $"overlay-agent@{Instance}";

    /// <summary>The operator's settings.</summary>
    public string EnvironmentFile => Instance is null ? Defaults : $"{Defaults}-{Instance}";

    /// <summary>The variables that the unit sets itself; those of <see cref="EnvironmentFile"/> win.</summary>
    public IReadOnlyDictionary<string, string> Variables => Instance is null
        ? new Dictionary<string, string> { ["FLANNELD_DOCKER_OPTS_FILE"] = $"{Runtime}/{Options}" }
        : new Dictionary<string, string>
        {
            ["FLANNELD_SUBNET_FILE"] = $"{Runtime}/{Instance}/subnet.env",
            ["FLANNELD_DOCKER_OPTS_FILE"] = $"{Runtime}/{Instance}/{Options}",
            ["FLANNELD_STATE_DIR"] = $"{State}/{Instance}",
        };

    /// <summary>Whether a name can be an instance's: what systemd leaves as it is.</summary>
    public static bool IsName(string name) => name.Length > 0 && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    /// <summary>The unit that an environment file belongs to, or null.</summary>
    public static AgentUnit? OfFile(string environmentFile)
    {
        if (environmentFile == Defaults) return First;
        return environmentFile.StartsWith(Defaults + "-", StringComparison.Ordinal) && environmentFile[(Defaults.Length + 1)..] is var name && IsName(name) ? new AgentUnit(name) : null;
    }

    /// <summary>The unit that a state folder belongs to; the first one where it is nobody's.</summary>
    public static AgentUnit OfState(string folder) =>
        folder.StartsWith(State + "/", StringComparison.Ordinal) && folder[(State.Length + 1)..] is var name && IsName(name) ? new AgentUnit(name) : First;

    /// <summary>Whether a file is one that such a unit writes for Docker.</summary>
    public static bool IsDockerOptions(string path) =>
        path == $"{Runtime}/{Options}" || (path.Split('/') is ["", "run", "flannel", var name, Options] && IsName(name));
}
