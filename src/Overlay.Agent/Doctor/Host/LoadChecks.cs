using System.Globalization;

namespace Overlay.Agent.Doctor.Host;

/// <summary>What the machine has left: processor, clock, tables, files, disk. Pure.</summary>
internal static class LoadChecks
{
    private const double StealNoticed = 0.02, NearlyFull = 0.8;
    private const long LeastFree = 16 << 20;

    /// <summary>All findings.</summary>
    public static IEnumerable<Finding> Judge(HostFacts host) => [Steal(host), Clock(host), Conntrack(host), Files(host), .. Disks(host), EtcdDisk(host)];

    private static Finding Steal(HostFacts host)
    {
        if (host.Cpu is not { } cpu) return Checks.Steal.Skip("/proc/stat does not say");
        string found = string.Create(CultureInfo.InvariantCulture, $"{cpu.Steal * 100:0.0} % stolen, {cpu.Busy * 100:0} % busy");
        return cpu.Steal < StealNoticed ? Checks.Steal.Ok(found) : Checks.Steal.Warn($"{found}: the host is oversold", "watch it over a day (vmstat 5, column st); move the node, or ask the provider for dedicated cores");
    }

    private static Finding Clock(HostFacts host)
    {
        if (host.Clock is not { } clock) return Checks.Clock.Skip("the kernel does not say (adjtimex)");
        return clock.IsSynchronized
            ? Checks.Clock.Ok(string.Create(CultureInfo.InvariantCulture, $"synchronised, at most {clock.MaxError.TotalMilliseconds:0} ms off"))
            : Checks.Clock.Warn("not synchronised", "timedatectl set-ntp true, or install chrony");
    }

    private static Finding Conntrack(HostFacts host)
    {
        if (host.Conntrack is not { } table) return Checks.Conntrack.Skip("this network tracks no connections");
        string found = $"{table.Count} of {table.Limit} connections";
        return table.Count < table.Limit * NearlyFull ? Checks.Conntrack.Ok(found) : Checks.Conntrack.Warn(found, $"sysctl -w net.netfilter.nf_conntrack_max={table.Limit * 4}");
    }

    private static Finding Files(HostFacts host)
    {
        if (host.Files is not { } files) return Checks.Files.Skip("no agent runs, or it does not show its files");
        string found = $"{files.Open} of {files.Limit} open files";
        return files.Open < files.Limit * NearlyFull ? Checks.Files.Ok(found) : Checks.Files.Warn(found, "LimitNOFILE=65536 in the unit of overlay-agent; systemctl daemon-reload; systemctl restart overlay-agent");
    }

    private static IEnumerable<Finding> Disks(HostFacts host)
    {
        if (host.Disks.Count == 0) yield return Checks.Disk.Skip("the file systems do not say how much is free");
        foreach ((string path, long free, bool readOnly) in host.Disks)
        {
            string found = $"{path}: {free >> 20} MiB free";
            if (readOnly) yield return Checks.Disk.Fail($"{path} is read-only", $"mount -o remount,rw the file system of {path}, and look at dmesg for why it is so").Of(path);
            else if (free < LeastFree) yield return Checks.Disk.Fail(found, $"make room: du -xsh {path}").Of(path);
            else yield return Checks.Disk.Ok(found).Of(path);
        }
    }

    private static Finding EtcdDisk(HostFacts host) => host.EtcdDisk switch
    {
        null => Checks.EtcdDisk.Skip("no etcd runs on this host"),
        (var folder, true) => Checks.EtcdDisk.Warn($"{folder} is on a rotating disk", "move etcd's --data-dir to an SSD of its own"),
        (var folder, false) => Checks.EtcdDisk.Ok($"{folder} is on a disk that does not rotate"),
        (var folder, null) => Checks.EtcdDisk.Skip($"{folder}: its disk does not say whether it rotates"),
    };
}
