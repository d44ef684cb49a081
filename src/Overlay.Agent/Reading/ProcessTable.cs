using System.Globalization;

namespace Overlay.Agent.Reading;

/// <summary>
/// Looks for processes in /proc. Names and command lines are everybody's to read; namespaces and descriptors only of processes under our
/// own user's name that have no privilege that we lack (ptrace(2), PTRACE_MODE_READ).
/// </summary>
internal sealed class ProcessTable(HostFiles files)
{
    private const int TicksPerSecond = 100;   // USER_HZ, the same on every architecture we run on
    private const int StartTime = 19;         // field 22 of /proc/PID/stat, counted from the one after the name

    /// <summary>The processes of a name (at most 15 characters) in our network namespace, but for ourselves.</summary>
    public IReadOnlyList<ProcessInfo> Named(string name)
    {
        string? network = files.LinkTarget("/proc/self/ns/net");
        List<ProcessInfo> found = [];
        foreach (string entry in files.Names("/proc"))
        {
            if (!int.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out int id) || id == Environment.ProcessId) continue;
            if (files.Value($"/proc/{entry}/comm") != name) continue;
            // Of others' processes an ordinary user sees no namespace: then any will do.
            if (files.LinkTarget($"/proc/{entry}/ns/net") is { } other && network is not null && other != network) continue;
            if (Read(id) is { } process) found.Add(process);
        }
        return found;
    }

    /// <summary>One process of each other network namespace than ours, as far as we may look.</summary>
    public IReadOnlyList<int> OfOtherNetworks()
    {
        Dictionary<string, int> found = new(StringComparer.Ordinal);
        string? own = files.LinkTarget("/proc/self/ns/net");
        foreach (string entry in files.Names("/proc"))
        {
            if (!int.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out int id)) continue;
            if (files.LinkTarget($"/proc/{entry}/ns/net") is { } network && network != own) found.TryAdd(network, id);
        }
        return [.. found.Values];
    }

    /// <summary>One process, or null where there is none of that id, or one that has ended and waits to be buried.</summary>
    public ProcessInfo? Read(int id)
    {
        string? stat = files.Text($"/proc/{id}/stat");
        string? line = files.Text($"/proc/{id}/cmdline");
        if (stat is null || string.IsNullOrEmpty(line)) return null;   // without memory there is no command line, and no namespace to tell it by
        string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        long ticks = fields.Length > StartTime && long.TryParse(fields[StartTime], CultureInfo.InvariantCulture, out long read) ? read : 0;
        return new ProcessInfo(id, line.TrimEnd('\0').Split('\0'), BootTime() + TimeSpan.FromSeconds((double)ticks / TicksPerSecond)) { IsStopped = fields is ["T" or "t", ..] };
    }

    /// <summary>Which processes hold a socket, by its inode: ids and names.</summary>
    /// <param name="inode">As /proc/net/udp tells it.</param>
    public IReadOnlyList<(int Id, string Name)> Holders(ulong inode)
    {
        string wanted = string.Create(CultureInfo.InvariantCulture, $"socket:[{inode}]");
        List<(int, string)> holders = [];
        foreach (string entry in files.Names("/proc"))
        {
            if (!int.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out int id)) continue;
            if (files.Names($"/proc/{entry}/fd").Any(fd => files.LinkTarget($"/proc/{entry}/fd/{fd}") == wanted))
                holders.Add((id, files.Value($"/proc/{entry}/comm") ?? "?"));
        }
        return holders;
    }

    private DateTimeOffset BootTime()
    {
        string? line = files.Lines("/proc/stat").FirstOrDefault(l => l.StartsWith("btime ", StringComparison.Ordinal));
        return line is not null && long.TryParse(line[6..], CultureInfo.InvariantCulture, out long seconds) ? DateTimeOffset.FromUnixTimeSeconds(seconds) : default;
    }
}
