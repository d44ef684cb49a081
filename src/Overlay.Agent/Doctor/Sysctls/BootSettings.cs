using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor.Sysctls;

/// <summary>What this host sets by itself when it boots: sysctl.d(5) and modules-load.d(5).</summary>
internal sealed class BootSettings
{
    // The first folder that holds a file of a name hides the others'; then all files in the order of their names.
    private static readonly string[] Folders = ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"];

    private readonly List<(string Pattern, string Value, string File)> _assignments = [];
    private readonly HashSet<string> _modules = new(StringComparer.Ordinal);

    private BootSettings()
    {
    }

    /// <summary>Reads the files.</summary>
    public static BootSettings Read(HostFiles files)
    {
        BootSettings settings = new();
        foreach (string path in ConfigurationFiles(files, "sysctl.d").Append("/etc/sysctl.conf"))
        {
            foreach (string line in files.Lines(path)) settings.AddAssignment(line.Trim(), path);
        }
        foreach (string path in ConfigurationFiles(files, "modules-load.d").Append("/etc/modules"))
        {
            foreach (string line in files.Lines(path)) settings.AddModule(line.Trim());
        }
        return settings;
    }

    /// <summary>The value that a sysctl gets at boot, and by which file; null where none sets it.</summary>
    /// <param name="name">With dots, as in <c>net.ipv4.ip_forward</c>.</param>
    public (string Value, string File)? ValueOf(string name)
    {
        // An exact name beats a pattern, and among equals the later one wins.
        var exact = _assignments.LastOrDefault(a => a.Pattern == name);
        var chosen = exact.Pattern is not null ? exact : _assignments.LastOrDefault(a => a.Pattern.Contains('*') && Matches(a.Pattern, name));
        return chosen.Pattern is null ? null : (chosen.Value, chosen.File);
    }

    /// <summary>Whether a module is loaded at boot.</summary>
    public bool Loads(string module) => _modules.Contains(module);

    private static IEnumerable<string> ConfigurationFiles(HostFiles files, string folder) => Folders
        .SelectMany(root => files.Names($"{root}/{folder}").Select(name => (Path: $"{root}/{folder}/{name}", Name: name)))
        .Where(file => file.Name.EndsWith(".conf", StringComparison.Ordinal))
        .DistinctBy(file => file.Name)
        .OrderBy(file => file.Name, StringComparer.Ordinal)
        .Select(file => file.Path);

    private void AddAssignment(string line, string path)
    {
        int equals = line.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0 || line[0] is '#' or ';') return;
        // A dash in front says that a failure does not matter; slashes are the other spelling of dots.
        string name = line[..equals].Trim().TrimStart('-').Replace('/', '.');
        _assignments.Add((name, line[(equals + 1)..].Trim(), path));
    }

    private void AddModule(string line)
    {
        if (line.Length > 0 && line[0] is not ('#' or ';')) _modules.Add(line.Split(' ')[0].Replace('-', '_'));
    }

    private static bool Matches(string pattern, string name)
    {
        string[] wanted = pattern.Split('.'), parts = name.Split('.');
        return wanted.Length == parts.Length && wanted.Zip(parts).All(pair => pair.First == "*" || pair.First == pair.Second);
    }
}
