using System.Diagnostics;
using System.Globalization;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Systemd;

/// <summary>What the unit promises, by a node's own systemd.</summary>
public sealed class ServiceTests(PackageFixture packages) : SystemdTest(packages)
{
    [Fact]
    public async Task K19_one_packet_thread_that_hangs_has_the_agent_restarted_by_the_watchdog_with_the_same_subnet()
    {
        // The unit's 30 s, shortened; still three times what an idle loop takes for a turn.
        Node.Write("/etc/systemd/system/overlay-agent.service.d/test.conf", "[Service]\nWatchdogSec=6\nTimeoutAbortSec=2\n");
        await StartAsync();
        (string Subnet, string Mac) identity = Identity();
        string pid = Node.Property(Unit, "MainPID");
        Assert.Equal("6s", Node.Property(Unit, "WatchdogUSec"));

        // Idle as it is, it lives on for longer than the watchdog's patience.
        string fed = Node.Property(Unit, "WatchdogTimestampMonotonic");
        long start = Stopwatch.GetTimestamp();
        await Eventually.TrueAsync(
            () => Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(7) && Node.Property(Unit, "WatchdogTimestampMonotonic") != fed, "it feeds the watchdog");
        Assert.Equal((pid, "0"), (Node.Property(Unit, "MainPID"), Node.Property(Unit, "NRestarts")));

        // From outside, one thread is held in one system call; all others go on.
        string thread = ThreadOf(pid, "outbound-0");
        using Process holder = Process.Start(new ProcessStartInfo("strace", ["-qq", "-p", thread, "-e", "trace=poll", "-e", "inject=poll:delay_exit=600000000"]) { RedirectStandardError = true })!;
        try
        {
            await Eventually.TrueAsync(() => Node.Journal.Contains("Watchdog timeout", StringComparison.Ordinal), "systemd loses its patience", () => Node.Journal);
        }
        finally
        {
            holder.Kill();   // who is traced cannot be buried
            await holder.WaitForExitAsync(CancellationToken.None);
        }
        await RestartedAsync(pid);
        Assert.Contains("no sign of life from outbound-0;", Node.Journal, StringComparison.Ordinal);
        Assert.Equal(identity, Identity());
    }

    [Fact]
    public async Task Inside_the_sandbox_are_one_capability_one_device_and_the_firewall_tools()
    {
        await StartAsync();
        string pid = Node.Property(Unit, "MainPID");
        string status = Node.Must("cat", $"/proc/{pid}/status");
        foreach (string set in new[] { "CapPrm", "CapEff", "CapBnd" }) Assert.Contains($"{set}:\t0000000000001000\n", status, StringComparison.Ordinal);   // CAP_NET_ADMIN
        Assert.Contains("NoNewPrivs:\t1\n", status, StringComparison.Ordinal);
        Assert.Contains("Seccomp:\t2\n", status, StringComparison.Ordinal);
        Assert.Equal("tun\n", Node.Must("ls", $"/proc/{pid}/root/dev/net"));
        Assert.DoesNotContain("sda", Node.Must("ls", $"/proc/{pid}/root/dev"), StringComparison.Ordinal);
        Assert.Contains("SCHED_BATCH", Node.Must("chrt", "-p", pid), StringComparison.Ordinal);

        // The same sandbox around other programs: what the agent runs for the firewall works in it, and nothing else of root's does.
        Assert.Equal("", Sandboxed("/usr/sbin/iptables -w 5 -t nat -A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE --random-fully"));
        Assert.Contains("-A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE --random-fully", Node.Must("iptables-save", "-t", "nat"), StringComparison.Ordinal);
        Assert.Equal("", Sandboxed("/usr/sbin/nft add table inet overlay_test"));
        Assert.Contains("table inet overlay_test", Node.Must("nft", "list", "tables"), StringComparison.Ordinal);
        Assert.Equal("", Sandboxed("/usr/bin/touch /run/xtables.lock"));
        Assert.Contains("Read-only file system", Sandboxed("/usr/bin/touch /etc/here"), StringComparison.Ordinal);
        Assert.Contains("Operation not permitted", Sandboxed("/usr/bin/chown daemon /run/xtables.lock"), StringComparison.Ordinal);
        Assert.Contains("Operation not permitted", Sandboxed("/usr/bin/unshare --uts true"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Instances_share_a_host_and_nothing_else()
    {
        await Node.BootAsync();
        Install(Packages.Now);
        Configure();
        Etcd.Ctl("put", "/blue/network/config", """{ "Network": "10.2.0.0/16", "Backend": { "Type": "vxlan", "VNI": 2, "Port": 8473 } }""");
        Assert.NotEqual(0, Node.Run("systemctl", "start", "overlay-agent@blue").ExitCode);   // without settings it would be another of the first
        Node.Write("/etc/default/overlay-agent-blue", $"FLANNELD_ETCD_ENDPOINTS={Etcd.Endpoint}\nFLANNELD_ETCD_PREFIX=/blue/network\n");
        Node.Must("systemctl", "reset-failed");
        Node.Must("systemctl", "start", "overlay-agent", "overlay-agent@blue");
        Assert.Contains("FLANNEL_NETWORK=10.1.0.0/16", Node.Must("cat", "/run/flannel/subnet.env"), StringComparison.Ordinal);
        Assert.Contains("FLANNEL_NETWORK=10.2.0.0/16", Node.Must("cat", "/run/flannel/blue/subnet.env"), StringComparison.Ordinal);
        foreach (string device in new[] { "flannel.1", "flannel.2" }) Node.Must("ip", "link", "show", "dev", device);

        Assert.Equal("", Node.Must("systemd-analyze", "verify", "--man=no", "overlay-agent.service", "overlay-agent@blue.service"));

        // An upgrade restarts both.
        string[] before = [Node.Property(Unit, "MainPID"), Node.Property("overlay-agent@blue", "MainPID")];
        Install(Packages.Later);
        await RestartedAsync(before[0]);
        await Eventually.TrueAsync(() => Node.Property("overlay-agent@blue", "MainPID") is not "0" and var now && now != before[1], "the instance starts again", () => Node.Journal);
        await Node.ActiveAsync("overlay-agent@blue");
    }

    private async Task StartAsync()
    {
        await Node.BootAsync();
        Install(Packages.Now);
        Configure();
        Node.Must("systemctl", "start", "overlay-agent");
        Assert.Equal("active", Node.Property(Unit, "ActiveState"));   // start returns when it is ready
    }

    // Runs a line with everything the unit sets for the agent; returns what it complained of.
    private string Sandboxed(string line)
    {
        string[] kept = [.. File.ReadLines(Node.PathOf("/lib/systemd/system/overlay-agent.service")).SkipWhile(entry => !entry.StartsWith("CPUSchedulingPolicy=", StringComparison.Ordinal))
            .TakeWhile(entry => entry != "[Install]")];
        Node.Write("/etc/systemd/system/once.service", $"[Service]\nType=oneshot\nExecStart={line}\n{string.Join('\n', kept)}\n");
        Node.Must("systemctl", "daemon-reload");
        (int exitCode, _) = Node.Run("systemctl", "start", "once.service");
        if (exitCode == 0) return "";
        Node.Must("journalctl", "--sync");
        return Node.Must("journalctl", "--no-pager", "--quiet", "--output=cat", "--unit=once.service", "--lines=20");
    }

    // Thread names are the same outside of the node; the numbers are not.
    private static string ThreadOf(string pidInside, string name)
    {
        foreach (string status in Directory.GetFiles("/proc", "status", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1, IgnoreInaccessible = true }))
        {
            string[] ids;
            try
            {
                ids = File.ReadLines(status).FirstOrDefault(line => line.StartsWith("NSpid:", StringComparison.Ordinal))?.Split('\t') ?? [];
            }
            catch (IOException)
            {
                continue;   // it has ended
            }
            if (ids.Length < 3 || ids[^1] != pidInside) continue;
            foreach (string task in Directory.GetDirectories(Path.Combine(Path.GetDirectoryName(status)!, "task")))
            {
                if (File.ReadAllText(Path.Combine(task, "comm")).Trim() == name) return Path.GetFileName(task);
            }
        }
        throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"process {pidInside} of the node has no thread {name}"));
    }
}
