using System.Diagnostics;
using System.Globalization;
using Overlay.Netns.Tests.Doctor;
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
    public async Task Instances_share_a_host_and_nothing_else()
    {
        DockerStandIn.PutInto(Node);
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

        Assert.Contains("flanneld.service", Node.Property(Unit, "Conflicts"), StringComparison.Ordinal);

        // Each is examined for itself, and Docker, which does not come up here, for the one whose options it takes.
        Assert.Equal(2, Node.Run("overlay-agent", "doctor", "--json").ExitCode);
        Node.Write("/usr/sbin/dockerd", "#!/bin/sh\nexit 1\n", (UnixFileMode)0b111_101_101);
        Node.Must("systemctl", "--no-block", "restart", DockerStandIn.Unit);
        DoctorReport blue = DoctorReport.From(Node.Run("overlay-agent", "doctor", "--json", "--instance=blue"));
        Assert.DoesNotContain(blue.With("FAIL"), id => !id.StartsWith("sysctl.", StringComparison.Ordinal));
        foreach (string id in (string[])["overlay.agent", "overlay.device", "overlay.subnet-env", "lease.own", "lease.config", "underlay.port"]) blue.AssertNames("OK", id, "");
        blue.AssertNames("SKIP", "docker.flags", "which another agent of this host writes");
        DoctorReport byFile = DoctorReport.From(Node.Run("overlay-agent", "doctor", "--json", "--env-file=/etc/default/overlay-agent-blue"));
        Assert.Equal(blue.With("FAIL"), byFile.With("FAIL"));
        DoctorReport first = DoctorReport.From(Node.Run("overlay-agent", "doctor", "--json", "--env-file=/etc/default/overlay-agent"));
        Assert.Equal(["docker.daemon"], first.With("FAIL").Where(id => !id.StartsWith("sysctl.", StringComparison.Ordinal)));
        first.AssertNames("FAIL", "docker.daemon", "docker.service is ");

        // An upgrade restarts both.
        string[] before = [Node.Property(Unit, "MainPID"), Node.Property("overlay-agent@blue", "MainPID")];
        Install(Packages.Later);
        await RestartedAsync(before[0]);
        await Eventually.TrueAsync(() => Node.Property("overlay-agent@blue", "MainPID") is not "0" and var now && now != before[1], "the instance starts again", () => Node.Journal);
        await Node.ActiveAsync("overlay-agent@blue");
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
