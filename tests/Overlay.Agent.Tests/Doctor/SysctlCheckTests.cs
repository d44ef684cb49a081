using System.Net;
using Overlay.Agent.Doctor;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Doctor.Sysctls;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>The kernel's settings, now and after a reboot, from files made up.</summary>
public class SysctlCheckTests
{
    private static readonly (string, string)[] Good =
    [
        ("/proc/sys/net/ipv4/ip_forward", "1\n"),
        ("/proc/sys/net/ipv4/conf/all/rp_filter", "0\n"),
        ("/proc/sys/net/ipv4/conf/eth0/rp_filter", "2\n"),
        ("/proc/sys/net/ipv4/conf/eth0/forwarding", "1\n"),
        ("/proc/sys/net/ipv4/conf/flannel.1/rp_filter", "0\n"),
        ("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n"),
        ("/proc/sys/net/bridge/bridge-nf-call-ip6tables", "1\n"),
        ("/etc/sysctl.d/50-overlay.conf", "# overlay\nnet.ipv4.ip_forward = 1\nnet/bridge/bridge-nf-call-iptables=1\n-net.bridge.bridge-nf-call-ip6tables = 1\n"),
        ("/etc/modules-load.d/overlay.conf", "br_netfilter\n"),
    ];

    private static readonly (IPAddress, IPAddress)[] Peers = [(IPAddress.Parse("192.168.64.2"), IPAddress.Parse("10.1.16.0"))];

    [Fact]
    public void Settings_that_survive_a_reboot_are_well()
    {
        Finding[] findings = Judge([]);

        Assert.All(findings, f => Assert.Equal(Verdict.Ok, f.Verdict));
        Assert.Contains(findings, f => f.Found.Contains("also after a reboot (/etc/sysctl.d/50-overlay.conf)", StringComparison.Ordinal));
    }

    [Fact]
    public void Forwarding_that_is_off_is_a_failure()
    {
        Some.AssertIs(Judge([("/proc/sys/net/ipv4/ip_forward", "0")]), Checks.Forwarding, Verdict.Fail, "net.ipv4.ip_forward=0");
        Some.AssertIs(Judge([("/proc/sys/net/ipv4/conf/eth0/forwarding", "0")]), Checks.Forwarding, Verdict.Fail, "off for eth0");
    }

    [Fact]
    public void A_setting_that_a_reboot_takes_back_is_a_warning()
    {
        Some.AssertIs(Judge([("/etc/sysctl.d/50-overlay.conf", "")]), Checks.Forwarding, Verdict.Warn, "nothing sets it after a reboot");
        Some.AssertIs(Judge([("/etc/sysctl.d/50-overlay.conf", "")], hasDocker: true), Checks.Forwarding, Verdict.Ok, "Docker sets it");
        Some.AssertIs(Judge([("/etc/sysctl.d/99-hardening.conf", "net.ipv4.ip_forward=0")]), Checks.Forwarding, Verdict.Warn, "99-hardening.conf sets it to 0");
        Some.AssertIs(Judge([("/etc/sysctl.d/50-overlay.conf", ""), ("/etc/modules-load.d/overlay.conf", "")]), Checks.BridgeIptables, Verdict.Warn, "nothing sets it after a reboot");
        Some.AssertIs(Judge([("/etc/modules-load.d/overlay.conf", "")]), Checks.BridgeIptables, Verdict.Warn, "nothing loads br_netfilter");
    }

    [Fact]
    public void Bridge_netfilter_that_is_off_or_not_loaded_is_a_failure()
    {
        Some.AssertIs(Judge([("/proc/sys/net/bridge/bridge-nf-call-iptables", "0")]), Checks.BridgeIptables, Verdict.Fail, "bridge-nf-call-iptables=0");
        Some.AssertIs(Judge([("/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0")]), Checks.BridgeIp6tables, Verdict.Fail, "bridge-nf-call-ip6tables=0");
        using HostRoot bare = new(("/proc/sys/net/ipv4/ip_forward", "1"));
        Some.AssertIs(SysctlChecks.Judge(SysctlFacts.Read(bare.Files), Some.Node, Peers, false), Checks.BridgeIptables, Verdict.Fail, "br_netfilter is not loaded");
    }

    [Fact]
    public void K4_a_strict_filter_is_a_warning_and_a_failure_where_the_way_back_is_another()
    {
        (string, string)[] strict = [("/proc/sys/net/ipv4/conf/all/rp_filter", "1"), ("/proc/sys/net/ipv4/conf/eth0/rp_filter", "0")];
        Some.AssertIs(Judge(strict), Checks.ReversePath, Verdict.Warn, "rp_filter=1 on flannel.1 and eth0");
        Assert.Contains(Judge([("/proc/sys/net/ipv4/conf/all/rp_filter", "1")]), f => f.Check == Checks.ReversePath && f.Found.Contains("on flannel.1:", StringComparison.Ordinal));   // 2 beats 1

        NodeFacts secondUplink = Some.With(
            [.. Some.Links, new(9, "eth1", null, 1500, true, null, null, null)], routes: [.. Some.Routes, Some.Route("192.168.64.2/32", 9)]);
        Some.AssertIs(Judge(strict, node: secondUplink), Checks.ReversePath, Verdict.Fail, "rp_filter=1 on eth0, and the way to 192.168.64.2 leaves by eth1");
    }

    [Fact]
    public void A_file_of_etc_hides_one_of_usr_and_an_exact_name_beats_a_pattern()
    {
        using HostRoot root = new(
            ("/usr/lib/sysctl.d/50-default.conf", "net.ipv4.conf.*.rp_filter = 2\nnet.ipv4.conf.eth0.rp_filter = 1"),
            ("/usr/lib/sysctl.d/60-hidden.conf", "net.ipv4.ip_forward = 1"), ("/etc/sysctl.d/60-hidden.conf", "; nothing"));
        BootSettings boot = BootSettings.Read(root.Files);

        Assert.Equal("1", boot.ValueOf("net.ipv4.conf.eth0.rp_filter")?.Value);
        Assert.Equal("2", boot.ValueOf("net.ipv4.conf.eth1.rp_filter")?.Value);
        Assert.Null(boot.ValueOf("net.ipv4.ip_forward"));
    }

    // Run by a shell on files of the test, in place of /etc.
    [Theory]
    [InlineData("/etc/sysctl.d/99-hardening.conf", "# ours\nnet.ipv4.ip_forward=0\n")]
    [InlineData("/etc/sysctl.d/99-hardening.conf", "-net/ipv4/ip_forward = 0\nnet.ipv4.ip_forward_use_pmtu = 0\n")]
    [InlineData("/etc/sysctl.d/60-early.conf", "net.ipv4.ip_forward=0\n")]
    [InlineData("/usr/lib/sysctl.d/60-package.conf", "net.ipv4.ip_forward=0\n")]
    [InlineData("/usr/lib/sysctl.d/99-package.conf", "net.ipv4.ip_forward=0\n")]
    [InlineData("/usr/lib/sysctl.d/60-pattern.conf", "net.ipv4.*=0\n")]
    [InlineData("/etc/sysctl.d/60-other.conf", "net.ipv4.conf.all.log_martians=1\n")]
    public void The_mend_of_what_a_reboot_takes_back_mends_it(string file, string text)
    {
        using HostRoot root = new([.. Good.Where(g => g.Item1.StartsWith("/proc", StringComparison.Ordinal)), (file, text), ("/etc/modules-load.d/x.conf", "br_netfilter"), ("/etc/sysctl.d/00-x.conf", "")]);
        Finding Look() => Assert.Single(SysctlChecks.Judge(SysctlFacts.Read(root.Files), Some.Node, Peers, false), f => f.Check == Checks.Forwarding);
        Finding broken = Look();
        Assert.Equal(Verdict.Warn, broken.Verdict);

        string keep = broken.Mend!.Split("; ", 2)[1];
        Tool.Must("sh", "-ec", keep.Replace(" /etc/", $" {root.Files.At("/etc/")}", StringComparison.Ordinal));

        Assert.Equal(Verdict.Ok, Look().Verdict);
        if (text.Contains("use_pmtu", StringComparison.Ordinal)) Assert.Contains("ip_forward_use_pmtu = 0", root.Files.Text(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Etc_sysctl_conf_counts_by_a_link_to_it_only_and_is_the_file_to_mend()
    {
        using HostRoot debian13 = new(("/etc/sysctl.conf", "net.ipv4.ip_forward=1\n"));
        Assert.Null(BootSettings.Read(debian13.Files).ValueOf("net.ipv4.ip_forward"));

        using HostRoot debian12 = new(("/etc/sysctl.conf", "net.ipv4.ip_forward=0\n"), ("/etc/sysctl.d/99-overlay-agent.conf", "net.ipv4.ip_forward=1\n"));
        File.CreateSymbolicLink(debian12.Files.At("/etc/sysctl.d/99-sysctl.conf"), "../sysctl.conf");
        BootSettings boot = BootSettings.Read(debian12.Files);
        Assert.Equal(("0", "/etc/sysctl.conf"), boot.ValueOf("net.ipv4.ip_forward"));
        Assert.EndsWith(" /etc/sysctl.conf", boot.Keep("net.ipv4.ip_forward", 1), StringComparison.Ordinal);
    }

    [Fact]
    public void The_mend_of_a_strict_filter_is_for_each_device()
    {
        Finding finding = Assert.Single(Judge([("/proc/sys/net/ipv4/conf/eth0/rp_filter", "1"), ("/proc/sys/net/ipv4/conf/flannel.1/rp_filter", "1")]), f => f.Check == Checks.ReversePath);

        Assert.Contains("sysctl -w net/ipv4/conf/eth0/rp_filter=2", finding.Mend, StringComparison.Ordinal);
        Assert.Contains("sysctl -w net/ipv4/conf/flannel.1/rp_filter=2", finding.Mend, StringComparison.Ordinal);
    }

    private static Finding[] Judge((string Path, string Text)[] changes, bool hasDocker = false, NodeFacts? node = null)
    {
        using HostRoot root = new([.. Good.Where(g => !changes.Any(c => c.Path == g.Item1)), .. changes]);
        return [.. SysctlChecks.Judge(SysctlFacts.Read(root.Files), node ?? Some.Node, Peers, hasDocker)];
    }
}
