using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor.Sysctls;

/// <summary>What this host sets by itself when it boots: sysctl.d(5) and modules-load.d(5).</summary>
internal sealed class BootSettings
{
    // The first folder that holds a file of a name hides the others'; then all files in the order of their names.
    private static readonly string[] Folders = ["/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"];

    // The second is for what a package's file says that sorts behind the first.
    private const string OwnFile = "/etc/sysctl.d/99-overlay-agent.conf", LastFile = "/etc/sysctl.d/zz-overlay-agent.conf";

    private readonly List<(string Pattern, string Value, string File)> _assignments = [];
    private readonly HashSet<string> _modules = new(StringComparer.Ordinal);

    private BootSettings()
    {
    }

    /// <summary>Reads the files.</summary>
    public static BootSettings Read(HostFiles files)
    {
        BootSettings settings = new();
        // Nobody reads /etc/sysctl.conf at boot but through a link (99-sysctl.conf), which Debian 13 has no more.
        foreach (string path in ConfigurationFiles(files, "sysctl.d"))
        {
            string file = files.LinkTarget(path) is { } target ? Path.GetFullPath(target, Path.GetDirectoryName(path)!) : path;
            foreach (string line in files.Lines(path)) settings.AddAssignment(line.Trim(), file);
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

    /// <summary>The command by which a sysctl gets a value at boot; null where it does already.</summary>
    /// <param name="name">With dots, or with slashes where a device's name has dots.</param>
    /// <param name="value">The value.</param>
    public string? Keep(string name, int value)
    {
        string dotted = name.Replace('/', '.');
        if (ValueOf(dotted) is not { } set) return Append(OwnFile);
        if (set.Value == $"{value}") return null;
        bool isExact = _assignments.Any(a => a.Pattern == dotted);
        if (!isExact) return Append(OwnFile);   // beats a pattern, wherever it stands
        if (set.File.StartsWith("/etc/", StringComparison.Ordinal)) return $"sed -i -E 's,^[- \t]*{dotted.Replace(".", "[./]")}[ \t]*=.*,{name} = {value},' {set.File}";
        // A package's own file comes back with its next version.
        return Append(string.CompareOrdinal(Path.GetFileName(set.File), Path.GetFileName(OwnFile)) < 0 ? OwnFile : LastFile);

        string Append(string file) => $"echo {name}={value} >> {file}";
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
