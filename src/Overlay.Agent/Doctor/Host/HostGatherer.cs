using System.Globalization;
using Overlay.Agent.Configuration;
using Overlay.Agent.Reading;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Inspection;

namespace Overlay.Agent.Doctor.Host;

/// <summary>Reads <see cref="HostFacts"/>.</summary>
internal static class HostGatherer
{
    /// <summary>How long the processors are watched: long enough that some hundred ticks pass on each.</summary>
    private static readonly TimeSpan Watch = TimeSpan.FromSeconds(3);

    private const string Tun = "/dev/net/tun";

    /// <summary>Reads all there is.</summary>
    public static async Task<HostFacts> GatherAsync(AgentOptions options, HostFiles files, IReadOnlyList<ProcessInfo> agents, TimeProvider time, CancellationToken stop)
    {
        string before = files.Text("/proc/stat") ?? "";
        await Task.Delay(Watch, time, stop).ConfigureAwait(false);
        CpuShare? cpu = CpuShare.Between(before, files.Text("/proc/stat") ?? "");
        int? agent = agents.Count > 0 ? agents[0].Id : null;
        string? skipped = files.Exists("/sys/class/misc/tun") || !files.Exists(Tun) ? null : "the tun module is not loaded yet; opening the device would load it";
        bool isForbidden = false;
        string? problem = skipped is null ? OpenTun(files, out isForbidden) : null;
        // That this user may not open it says nothing of the agent.
        if (isForbidden && !Environment.IsPrivilegedProcess) (skipped, problem) = (problem, null);
        return new HostFacts
        {
            Virtualization = Virtualization.Detect(files),
            Kernel = Try(KernelFeatures.Probe),
            Cpu = cpu,
            Clock = Try(KernelClock.Read),
            TunSkipped = skipped,
            TunProblem = problem,
            Capabilities = Capabilities(files, agent?.ToString(CultureInfo.InvariantCulture) ?? "self"),
            AreAgents = agent is not null,
            Files = agent is { } id ? OpenFiles(files, id) : null,
            Conntrack = Number(files, "/proc/sys/net/netfilter/nf_conntrack_count") is { } count && Number(files, "/proc/sys/net/netfilter/nf_conntrack_max") is { } limit
                ? (count, limit) : null,
            Disks = [.. new[] { options.StateDirectory, Path.GetDirectoryName(options.SubnetFile) ?? "/" }.Distinct().Select(path => Disk(files, path)).OfType<(string, long, bool)>()],
            EtcdDisk = EtcdDisk(files),
        };
    }

    private static T? Try<T>(Func<T> read) where T : class
    {
        try
        {
            return read();
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    // Without TUNSETIFF an open descriptor is no device.
    private static string? OpenTun(HostFiles files, out bool isForbidden)
    {
        isForbidden = false;
        try
        {
            using (File.OpenHandle(files.At(Tun), FileMode.Open, FileAccess.ReadWrite)) return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            isForbidden = e is UnauthorizedAccessException;
            return e.Message;
        }
    }

    private static ulong? Capabilities(HostFiles files, string process)
    {
        string? line = files.Lines($"/proc/{process}/status").FirstOrDefault(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
        return ulong.TryParse(line?[7..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong set) ? set : null;
    }

    private static (int, int)? OpenFiles(HostFiles files, int agent)
    {
        string? line = files.Lines($"/proc/{agent}/limits").FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal));
        int open = files.Names($"/proc/{agent}/fd").Count;
        string? soft = line?["Max open files".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        return open > 0 && int.TryParse(soft, CultureInfo.InvariantCulture, out int limit) ? (open, limit) : null;
    }

    private static long? Number(HostFiles files, string path) => long.TryParse(files.Value(path), CultureInfo.InvariantCulture, out long value) ? value : null;

    private static (string, long, bool)? Disk(HostFiles files, string path)
    {
        while (!files.Exists(path) && Path.GetDirectoryName(path) is { } above) path = above;
        try
        {
            return (path, new DriveInfo(files.At(path)).AvailableFreeSpace, Mounts.Of(files, path)?.IsReadOnly == true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private static (string, bool?)? EtcdDisk(HostFiles files)
    {
        if (new ProcessTable(files).Named("etcd") is not [var etcd, ..]) return null;
        string folder = etcd.Option("--data-dir", "-data-dir") ?? "/var/lib/etcd";
        if (!Path.IsPathRooted(folder)) return (folder, null);
        string? device = Mounts.Of(files, folder)?.Device;
        // A partition has no queue of its own; that of its disk is one folder up.
        string? rotational = files.Value($"/sys/dev/block/{device}/queue/rotational") ?? files.Value($"/sys/dev/block/{device}/../queue/rotational");
        return (folder, rotational is null ? null : rotational == "1");
    }
}
