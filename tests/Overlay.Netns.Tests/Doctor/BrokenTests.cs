using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Doctor;

/// <summary>Each item of the checklist broken on purpose, one by one: the doctor names it, and its exit code tells.</summary>
public sealed class BrokenTests(DoctorFixture fixture) : IClassFixture<DoctorFixture>
{
    private const string Drop8472 = "-p udp --dport 8472 -j DROP";

    [Theory]
    [InlineData("FAIL", "sysctl.ip-forward", "net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1")]
    [InlineData("FAIL", "sysctl.bridge-nf-call-iptables", "=0", "sysctl -qw net.bridge.bridge-nf-call-iptables=0", "sysctl -qw net.bridge.bridge-nf-call-iptables=1")]
    [InlineData("WARN", "sysctl.rp-filter", "rp_filter=1 on flannel.1 and eth0", "sysctl -qw net.ipv4.conf.all.rp_filter=1", "sysctl -qw net.ipv4.conf.all.rp_filter=0")]
    [InlineData("FAIL", "firewall.forward", "the policy DROP of FORWARD", "iptables -P FORWARD DROP", "iptables -P FORWARD ACCEPT")]
    [InlineData("FAIL", "firewall.input", "--dport 8472 -j DROP", $"iptables -A INPUT {Drop8472}", $"iptables -D INPUT {Drop8472}")]
    [InlineData("FAIL", "mtu.docker0", "docker0 1500, overlay 1450", "ip link set docker0 mtu 1500", "ip link set docker0 mtu 1450")]
    [InlineData("FAIL", "mtu.containers", "leftp2 1500 on docker0", "ip link set leftp2 mtu 1500", "ip link set leftp2 mtu 1450")]
    // The agent takes the overlay down with the card; Docker's bridge stays as it was made.
    [InlineData("FAIL", "mtu.docker0", "docker0 1450, overlay 1430", "ip link set eth0 mtu 1480", "ip link set eth0 mtu 1500")]
    [InlineData("FAIL", "docker.bip", "overlaps 192.168.64.1/24 of eth0", "ip address add 192.168.64.17/28 dev docker0", "ip address del 192.168.64.17/28 dev docker0")]
    [InlineData("FAIL", "docker.bip", "10.1.254.7/32 of lo is inside of the overlay", "ip address add 10.1.254.7/32 dev lo", "ip address del 10.1.254.7/32 dev lo")]
    [InlineData("FAIL", "overlay.route", "10.1.254.0/24 dev eth0", "ip route add 10.1.254.0/24 dev eth0", "ip route del 10.1.254.0/24 dev eth0")]
    [InlineData("FAIL", "overlay.route", "packets of containers to 10.1.0.0/16 go through eth0 instead of through flannel.1", "ip route add default dev eth0 table 77; ip rule add iif docker0 lookup 77", "ip rule del iif docker0 lookup 77; ip route flush table 77")]
    [InlineData("FAIL", "docker.bip", "192.168.64.0/28 of Docker's network on br-0123456789ab overlaps 192.168.64.1/24 of eth0", "ip link add br-0123456789ab type bridge; ip address add 192.168.64.14/28 dev br-0123456789ab", "ip link del br-0123456789ab")]
    public async Task A_broken_setting_is_named(string verdict, string id, string text, string breaks, string mends)
    {
        await fixture.StartAsync();
        DoctorReport report = Broken(fixture.Left.Host.Namespace, breaks, mends);

        report.AssertNames(verdict, id, text);
        Assert.Equal(report.With("FAIL").Length > 0 ? 1 : 3, report.ExitCode);
    }

    // What doctor prints as the mend, run as it stands: by a shell, in this order.
    [Fact]
    public async Task The_mends_of_sysctls_MTUs_and_rules_mend()
    {
        await fixture.StartAsync();
        const string Chain = "type filter hook input priority 10; policy accept;";
        string[] ids = ["sysctl.ip-forward", "sysctl.bridge-nf-call-iptables", "sysctl.rp-filter", "mtu.docker0", "mtu.containers", "docker.bip", "overlay.route", "firewall.forward", "firewall.input", "firewall.output"];
        NetworkNamespace space = fixture.Left.Host.Namespace;
        space.Must("sh", "-ec", $"""
            sysctl -qw net.ipv4.ip_forward=0 net.bridge.bridge-nf-call-iptables=0 net.ipv4.conf.all.rp_filter=1
            ip link set docker0 mtu 1500; ip link set leftp2 mtu 1500; ip address add 10.1.254.7/32 dev lo
            iptables -P FORWARD DROP; iptables -A INPUT {Drop8472}; iptables -t raw -A OUTPUT {Drop8472}
            ip route add default dev eth0 table 77; ip rule add to 10.1.0.0/16 lookup 77
            """);
        try
        {
            DoctorReport broken = DoctorReport.Of(fixture.Left.Host);
            Assert.Empty(ids.Except(broken.Findings.Where(f => f.Verdict is "WARN" or "FAIL").Select(f => f.Id)));

            DoctorReport mended = broken.Mended(fixture.Left.Host, ids);

            foreach (string id in ids) mended.AssertWell(id);

            // Where iptables lets everything pass, nftables and the kernel's other iptables may not.
            space.Must("sh", "-ec", $$"""
                iptables-legacy -A INPUT {{Drop8472}}; iptables-legacy -P FORWARD DROP
                nft 'table inet doctor-test { chain in { {{Chain}} reject; }; chain out { type filter hook output priority 10; policy drop; }; }'
                """);
            broken = DoctorReport.Of(fixture.Left.Host);
            broken.AssertNames("FAIL", "firewall.forward", "the policy DROP of FORWARD of iptables-legacy");
            broken.AssertNames("FAIL", "firewall.input", "-j DROP of iptables-legacy");
            broken.AssertNames("WARN", "firewall.output", "the policy of the nftables chain inet doctor-test out");
            mended = broken.Mended(fixture.Left.Host, ids);
            mended.AssertNames("WARN", "firewall.input", "\"reject\" in the nftables chain inet doctor-test in");
            mended.AssertWell("firewall.forward");
            mended.AssertWell("firewall.output");
            mended.Mended(fixture.Left.Host, ids).AssertWell("firewall.input");
        }
        finally
        {
            space.Must("sh", "-c", """
                sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1 net.ipv4.conf.all.rp_filter=0
                ip link set docker0 mtu 1450; ip link set leftp2 mtu 1450; ip address del 10.1.254.7/32 dev lo 2>/dev/null
                iptables -P FORWARD ACCEPT; iptables -F; iptables -t raw -F; iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F
                nft delete table inet doctor-test 2>/dev/null
                ip rule del to 10.1.0.0/16 lookup 77; ip rule del priority 1 2>/dev/null; ip route flush table 77; true
                """);
        }
    }

    // The far end drops what the path cannot carry, and says nothing.
    [Fact]
    public async Task H3_a_black_hole_is_named_with_the_peer_and_the_largest_size_that_passes()
    {
        await fixture.StartAsync();
        const string Rule = "PREROUTING -i eth0 -m length --length 1401:65535 -j DROP";
        DoctorReport report = Broken(fixture.Right.Host.Namespace, $"iptables -t raw -A {Rule}", $"iptables -t raw -D {Rule}");

        report.AssertNames("FAIL", "peers.mtu", "black hole: overlay packets of 1450 bytes");
        report.AssertNames("FAIL", "peers.mtu", "vanish in silence, up to 1350 pass; on the underlay up to 1400 pass");
        Assert.Contains(report.Findings, f => f.Id == "peers.mtu" && f.Subject == $"{fixture.Right.Host.Address}");
        Assert.Contains(report.Findings, f => f.Id == "peers.reach" && f.Verdict is "OK");
        Assert.Equal(1, report.ExitCode);
    }

    [Fact]
    public async Task A_port_filtered_at_the_peer_is_told_from_a_peer_that_is_down()
    {
        await fixture.StartAsync();
        DoctorReport report = Broken(fixture.Right.Host.Namespace, $"iptables -A INPUT {Drop8472}", $"iptables -D INPUT {Drop8472}");

        report.AssertNames("FAIL", "peers.reach", $"{fixture.Right.Host.Address} answers on the underlay, so UDP 8472 is filtered");
        Assert.Equal(1, report.ExitCode);
    }

    [Fact]
    public async Task An_altered_subnet_env_and_a_stopped_agent_are_named()
    {
        await fixture.StartAsync();
        string path = fixture.Left.SubnetFilePath, good = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        fixture.Left.Agent.Signal(Tmds.Linux.LibC.SIGSTOP);   // it would put the file back
        try
        {
            await File.WriteAllTextAsync(path, good.Replace("MTU=1450", "MTU=1500", StringComparison.Ordinal), TestContext.Current.CancellationToken);
            DoctorReport report = DoctorReport.Of(fixture.Left.Host);

            report.AssertNames("FAIL", "overlay.subnet-env", "FLANNEL_MTU=1500, flannel.1 has 1450");
            report.AssertNames("FAIL", "overlay.agent", "is stopped by a signal or a debugger");
            Assert.Equal(1, report.ExitCode);
        }
        finally
        {
            await File.WriteAllTextAsync(path, good, TestContext.Current.CancellationToken);
            fixture.Left.Agent.Signal(Tmds.Linux.LibC.SIGCONT);
        }
    }

    [Fact]
    public async Task An_etcd_that_is_down_is_named_and_the_rest_is_examined_by_the_agents_cache()
    {
        await fixture.StartAsync();
        string cache = Path.Combine(fixture.Left.StatePath, "cache.json"), right = $"{fixture.Right.Host.Address}";
        await Eventually.TrueAsync(() => fixture.Left.Host.Namespace.Run("grep", "-qF", right, cache).ExitCode == 0, "the cache knows the peer");   // not read from here: the runtime would lock it
        await fixture.Topology.Etcd.KillAsync();
        try
        {
            DoctorReport report = DoctorReport.Of(fixture.Left.Host);

            report.AssertNames("FAIL", "etcd.members", fixture.Topology.Etcd.Endpoint);
            report.AssertNames("SKIP", "lease.config", "10.1.0.0/16, /24 each, VNI 1, UDP 8472 by the agent's cache of ");
            report.AssertNames("SKIP", "peers.reach", "the peers below are those of the agent's cache of ");
            report.AssertNames("OK", "peers.reach", "10.1.");
            report.AssertNames("OK", "peers.mtu", "1450 bytes with DF pass");
            report.AssertNames("OK", "overlay.device", "flannel.1, up, MTU 1450");
            Assert.Equal(1, report.ExitCode);
        }
        finally
        {
            await fixture.Topology.Etcd.StartAsync();
        }
    }

    [Fact]
    public async Task A_peer_whose_agent_has_stopped_is_named()
    {
        await fixture.StartAsync();
        Assert.Equal(0, await fixture.Right.Agent.StopAsync());
        try
        {
            DoctorReport report = DoctorReport.Of(fixture.Left.Host);

            report.AssertNames("FAIL", "peers.reach", $"{fixture.Right.Host.Address} is up and nobody listens on its UDP port 8472");
            Assert.Equal(1, report.ExitCode);
        }
        finally
        {
            await fixture.Right.StartReadyAsync();
            await Ping.UntilAnsweredAsync(fixture.Topology.LeftPod.Namespace, fixture.Topology.RightPod.Address);
        }
    }

    private DoctorReport Broken(NetworkNamespace space, string breaks, string mends)
    {
        space.Must("sh", "-c", breaks);
        try
        {
            return DoctorReport.Of(fixture.Left.Host);
        }
        finally
        {
            space.Must("sh", "-c", mends);
        }
    }
}
