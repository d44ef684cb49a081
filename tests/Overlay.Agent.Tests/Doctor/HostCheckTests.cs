using Overlay.Agent.Doctor;
using Overlay.Agent.Doctor.Host;
using Overlay.Agent.Reading;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Inspection;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>The machine, from facts and files made up.</summary>
public class HostCheckTests
{
    private static readonly HostFacts Good = new()
    {
        Virtualization = new Virtualization("kvm", false),
        Kernel = new KernelFeatures(new Version(6, 1, 0), true, true),
        Cpu = new CpuShare(0, 0.3),
        Clock = new KernelClock(true, TimeSpan.FromMilliseconds(2)),
        Capabilities = 1 << 12,
        AreAgents = true,
        Files = (40, 1024),
        Conntrack = (100, 65536),
        Disks = [("/var/lib/overlay-agent", 1L << 30, false)],
        EtcdDisk = ("/var/lib/etcd", false),
    };

    [Fact]
    public void A_good_machine_is_well() => Some.AssertWell(HostChecks.Judge(Good));

    [Fact]
    public void Each_fault_of_the_machine_is_named()
    {
        Some.AssertIs(HostChecks.Judge(Good with { Virtualization = new("openvz", true) }), Checks.Virtualization, Verdict.Fail, "OpenVZ container");
        Some.AssertIs(HostChecks.Judge(Good with { Virtualization = new("lxc", true) }), Checks.Virtualization, Verdict.Warn, "container (lxc)");
        Some.AssertIs(HostChecks.Judge(Good with { Virtualization = new("docker", true, true) }), Checks.Virtualization, Verdict.Warn, "inside of a docker container");
        Some.AssertIs(HostChecks.Judge(Good with { Kernel = new(new Version(7, 1, 0), true, true) }), Checks.Kernel, Verdict.Warn, "damages segmented UDP sends");
        Some.AssertIs(HostChecks.Judge(Good with { Kernel = new(new Version(4, 15, 0), false, false) }), Checks.Kernel, Verdict.Warn, "lacks UDP_SEGMENT");
        Some.AssertIs(HostChecks.Judge(Good with { TunProblem = "No such device" }), Checks.Tun, Verdict.Fail, "No such device");
        Some.AssertIs(HostChecks.Judge(Good with { Capabilities = 0 }), Checks.Capability, Verdict.Fail, "lacks CAP_NET_ADMIN");
        Some.AssertIs(HostChecks.Judge(Good with { Cpu = new(0.31, 0.5) }), Checks.Steal, Verdict.Warn, "31.0 % stolen");
        Some.AssertIs(HostChecks.Judge(Good with { Clock = new(false, default) }), Checks.Clock, Verdict.Warn, "not synchronised");
        Some.AssertIs(HostChecks.Judge(Good with { Conntrack = (65000, 65536) }), Checks.Conntrack, Verdict.Warn, "65000 of 65536");
        Some.AssertIs(HostChecks.Judge(Good with { Files = (1000, 1024) }), Checks.Files, Verdict.Warn, "1000 of 1024");
        Some.AssertIs(HostChecks.Judge(Good with { Disks = [("/run", 1 << 20, false)] }), Checks.Disk, Verdict.Fail, "/run: 1 MiB free");
        Some.AssertIs(HostChecks.Judge(Good with { Disks = [("/run", 1 << 30, true)] }), Checks.Disk, Verdict.Fail, "/run is read-only");
        Some.AssertIs(HostChecks.Judge(Good with { EtcdDisk = ("/var/lib/etcd", true) }), Checks.EtcdDisk, Verdict.Warn, "rotating");
    }

    [Fact]
    public void Steal_is_the_share_between_two_looks()
    {
        CpuShare share = CpuShare.Between("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1\n", "cpu  130 0 120 830 0 0 0 20 0 0\n")!;

        Assert.Equal(0.2, share.Steal, 3);
        Assert.Equal(0.5, share.Busy, 3);
        Assert.Null(CpuShare.Between("", "cpu 1"));
    }

    [Theory]
    [InlineData("/proc/user_beancounters", "", "openvz", true)]
    [InlineData("/proc/1/environ", "PATH=/bin\0container=lxc\0", "lxc", true)]
    [InlineData("/run/systemd/container", "systemd-nspawn\n", "systemd-nspawn", true)]
    [InlineData("/sys/class/dmi/id/sys_vendor", "QEMU\n", "qemu", false)]
    [InlineData("/sys/class/dmi/id/product_name", "KVM\n", "kvm", false)]
    [InlineData("/proc/cpuinfo", "flags : fpu hypervisor sse\n", "virtual machine", false)]
    [InlineData("/proc/cpuinfo", "flags : fpu sse\n", "none", false)]
    public void Virtualization_is_told_by_its_signs(string path, string text, string name, bool isContainer)
    {
        using HostRoot root = new((path, text));

        Assert.Equal(new Virtualization(name, isContainer), Virtualization.Detect(root.Files));
    }

    [Fact]
    public void K18_a_socket_of_IPv6_has_the_port_of_IPv4_too()
    {
        using HostRoot root = new(
            ("/proc/net/udp6", "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
                + "  77: 00000000000000000000000000000000:2118 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 0\n"
                + "  78: B80D0120000000000000000001000000:2118 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 0\n"
                + "  79: nonsense:2118 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4713 2 0000000000000000 0\n"),
            ("/proc/321/comm", "flanneld\n"), ("/proc/321/fd/x", ""));
        File.CreateSymbolicLink(root.Files.At("/proc/321/fd/7"), "socket:[4711]");

        IReadOnlyList<UdpSocketInfo> sockets = UdpSocketInfo.OnPort(8472, root.Files, new ProcessTable(root.Files));

        Assert.Equal(["::", "2001:db8::1"], sockets.Select(socket => socket.Address.ToString()));
        Assert.Equal([(321, "flanneld")], sockets[0].Holders);
    }

    [Fact]
    public void The_udp_table_tells_address_and_holder()
    {
        using HostRoot root = new(
            ("/proc/net/udp", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
                + " 1432: 0140A8C0:2118 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 0\n"
                + " 1433: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 0\n"),
            ("/proc/321/comm", "flanneld\n"), ("/proc/321/fd/x", ""));
        File.CreateSymbolicLink(root.Files.At("/proc/321/fd/7"), "socket:[4711]");

        UdpSocketInfo socket = Assert.Single(UdpSocketInfo.OnPort(8472, root.Files, new ProcessTable(root.Files)));

        Assert.Equal("192.168.64.1", socket.Address.ToString());
        Assert.Equal([(321, "flanneld")], socket.Holders);
    }

    [Fact]
    public void A_process_that_has_ended_is_none()
    {
        const string Stat = " (overlay-agent) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        using HostRoot root = new(
            ("/proc/321/comm", "overlay-agent\n"), ("/proc/321/stat", "321" + Stat), ("/proc/321/cmdline", "/usr/bin/overlay-agent\0--iface=eth0\0"),
            ("/proc/322/comm", "overlay-agent\n"), ("/proc/322/stat", "322" + Stat), ("/proc/322/cmdline", ""));

        Assert.Equal(321, Assert.Single(new ProcessTable(root.Files).Named("overlay-agent")).Id);
    }

    [Fact]
    public void The_innermost_mount_holds_a_path()
    {
        using HostRoot root = new(("/proc/self/mountinfo",
            "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n2 1 8:2 / /var rw - ext4 /dev/sda2 rw\n3 2 8:3 / /var/lib ro,noatime - ext4 /dev/sda3 ro\n"));

        Assert.Equal(new Mounts("/var/lib", "8:3", true), Mounts.Of(root.Files, "/var/lib/etcd"));
        Assert.Equal(new Mounts("/var", "8:2", false), Mounts.Of(root.Files, "/var/library"));
        Assert.Equal(new Mounts("/", "8:1", false), Mounts.Of(root.Files, "/run/flannel"));
    }

    [Fact]
    public void The_kernel_tells_of_loopback_and_clock_without_privilege()
    {
        Assert.Contains("tx-generic-segmentation", LinkFeatures.ReadActive("lo"));
        Assert.True(KernelClock.Read().MaxError >= TimeSpan.Zero);
        Assert.Throws<Encap.Linux.Gate.LinuxException>(() => LinkFeatures.ReadActive("no-such-link"));
    }
}
