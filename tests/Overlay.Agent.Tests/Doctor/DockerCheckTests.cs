using System.Net;
using Overlay.Agent.Docker;
using Overlay.Agent.Doctor;
using Overlay.Agent.Doctor.Docker;
using Overlay.Agent.Doctor.Firewall;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Reading;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>Docker's life, flags, start and bridge against subnet.env, from facts made up.</summary>
public class DockerCheckTests
{
    private static readonly string[] Good = ["--bip=10.1.15.1/24", "--mtu=1450"];

    private static readonly NodeFacts Masquerading = Some.Node with { File = Some.File with { Masquerade = true } };

    [Fact]
    public void A_healthy_Docker_is_well()
    {
        Some.AssertWell(Judge(Docker(Good)));
        Some.AssertWell(Judge(Docker([.. Good, "--ip-masq=false"]), Masquerading));
        Some.AssertWell(BipCheck.Judge(Some.Node, Docker(Good), []));
        Some.AssertIs(Judge(Docker(Good), unit: new DockerUnit("active", "running", true)), Checks.DockerDaemon, Verdict.Ok, "dockerd, process 7");
    }

    [Fact]
    public void Each_flag_is_held_against_subnet_env()
    {
        Some.AssertIs(Judge(Docker("--bip=10.1.99.1/24", "--mtu=1450")), Checks.DockerFlags, Verdict.Fail, "is 10.1.99.1/24 where this node's subnet is 10.1.15.1/24");
        Some.AssertIs(Judge(Docker("--bip=10.1.15.1/24")), Checks.DockerFlags, Verdict.Fail, "containers get 1500");
        Some.AssertIs(Judge(Docker("--mtu=1450") with { Bridge = [] }), Checks.DockerFlags, Verdict.Fail, "dockerd --bip is not given");
        Some.AssertIs(Judge(Docker("--bip=10.1.15.1/24", "--mtu=1400")), Checks.DockerFlags, Verdict.Warn, "dockerd --mtu is 1400 where the overlay carries 1450");
        Some.AssertIs(Judge(Docker([.. Good, "--ip-masq=false"])), Checks.DockerFlags, Verdict.Warn, "nobody masquerades");
        Some.AssertIs(Judge(Docker(Good), Masquerading), Checks.DockerFlags, Verdict.Warn, "peers see this node's address");
    }

    [Fact]
    public void A_setting_of_daemon_json_is_a_warning_while_Docker_runs_and_a_failure_when_it_does_not_come_up()
    {
        DockerView both = Docker(Good).WithSettings("""{"bip":"10.1.15.1/24"}"""u8.ToArray());
        Some.AssertIs(Judge(both), Checks.DockerFlags, Verdict.Warn, DockerView.ConfigPath);
        Finding[] down = [.. Judge(both with { Daemon = null }, unit: new DockerUnit("activating", "auto-restart", true))];
        Some.AssertIs(down, Checks.DockerFlags, Verdict.Fail, "Docker does not start when it is given as a flag as well");
        Some.AssertIs(down, Checks.DockerDaemon, Verdict.Fail, "docker.service is activating (auto-restart), and enabled");
    }

    [Theory]
    [InlineData("LoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=disabled\n", true)]
    [InlineData("LoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=enabled\n", true)]
    [InlineData("LoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=disabled\n", false)]   // left alone on purpose, or started by its socket
    [InlineData("LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n", false)]
    [InlineData("LoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n", null)]
    public void A_Docker_that_is_installed_and_down_is_a_failure(string shown, bool? isDown)
    {
        DockerUnit? unit = DockerUnit.Parse(shown);

        Assert.Equal(isDown, unit?.IsDown);
        Assert.Equal(isDown == true ? Verdict.Fail : Verdict.Skip, Assert.Single(Judge(new DockerView(), unit: unit), f => f.Check == Checks.DockerDaemon).Verdict);
    }

    [Fact]
    public void A_docker_that_started_first_with_other_values_is_named()
    {
        DockerView Early(params string[] flags) => new() { Daemon = new ProcessInfo(7, ["dockerd", .. flags], Some.Agent.Started.AddHours(-1)) };

        Some.AssertIs(Judge(Early()), Checks.DockerOrder, Verdict.Fail, "Docker started before it");
        Some.AssertIs(Judge(Early("--bip=10.1.15.1/24", "--mtu=1400")), Checks.DockerOrder, Verdict.Warn, "has other values");
        Some.AssertIs(Judge(Early("--bip", "10.1.15.1/24", "--mtu", "1450")), Checks.DockerOrder, Verdict.Ok, "with the values Docker has");
        Some.AssertIs(Judge(Early(), Some.Node with { File = Some.File with { Written = null } }), Checks.DockerOrder, Verdict.Fail, "does not exist");
        // By Requires= each restart of the agent would restart Docker.
        Assert.DoesNotContain(Judge(Early()), f => f.Mend?.Contains("Requires", StringComparison.Ordinal) == true);
    }

    [Fact]
    public void A_bridge_with_an_old_address_is_a_failure() =>
        Some.AssertIs(Judge(Docker(Good) with { Bridge = [(IPAddress.Parse("172.17.0.1"), 16)] }), Checks.DockerBridge, Verdict.Fail, "docker0 has 172.17.0.1/16");

    [Fact]
    public void The_Docker_of_another_daemon_is_none_of_this_ones()
    {
        NodeFacts blue = Some.Node with
        {
            File = Some.File with { Path = "/run/flannel/blue/subnet.env", Network = IPNetwork.Parse("10.2.0.0/16"), Subnet = IPNetwork.Parse("10.2.7.0/24"), Gateway = IPAddress.Parse("10.2.7.1"), Mtu = 1400 },
            Config = null,
        };
        DockerView another = (Docker() with { EnvironmentFiles = ["/run/flannel/docker_opts.env"] }).SeenBy("/run/flannel/blue/subnet.env", "/run/flannel/blue/docker_opts.env");
        FirewallFacts rules = FirewallFacts.From([("iptables", new("*filter\n-A FORWARD -o docker0 -j DROP\nCOMMIT", null))], new(null, null));

        Assert.All(Judge(another, blue), f => Assert.Equal(Verdict.Skip, f.Verdict));
        Some.AssertWell(BipCheck.Judge(blue, another, []));
        Assert.All(MtuChecks.Judge(blue, another).Where(f => f.Check != Checks.UnderlayMtu), f => Assert.Equal(Verdict.Skip, f.Verdict));
        Some.AssertIs(FirewallChecks.Judge(rules, blue, another, null), Checks.Forward, Verdict.Skip, "no bridge of containers");
    }

    [Theory]
    [InlineData("192.168.64.129/25", "overlaps 192.168.64.1/24 of eth0")]   // the node's network holds it
    [InlineData("192.168.0.1/16", "overlaps 192.168.64.1/24 of eth0")]      // it holds the node's address
    [InlineData("10.1.16.1/24", "other nodes'")]
    public void A_bip_in_somebody_elses_network_is_a_failure(string bip, string text) =>
        Some.AssertIs(BipCheck.Judge(Some.Node, Docker($"--bip={bip}"), []), Checks.Bip, Verdict.Fail, text);

    [Fact]
    public void The_leased_subnet_inside_of_wider_routes_and_networks_is_no_failure()
    {
        Some.AssertWell(BipCheck.Judge(Some.With(routes: [.. Some.Routes, Some.Route("10.0.0.0/8", Some.Eth0)]), Docker("--bip=10.1.15.1/24"), []));
        Some.AssertIs(BipCheck.Judge(Some.With(addresses: [.. Some.Addresses, Some.Address(Some.Eth0, "10.200.0.1", 8)]), Docker("--bip=10.1.15.1/24"), []),
            Checks.Bip, Verdict.Warn, "10.1.15.0/24 is inside of 10.0.0.0/8 of eth0");
        Some.AssertIs(BipCheck.Judge(Some.With(routes: [.. Some.Routes, Some.Route("10.1.15.128/25", Some.Eth0)]), Docker("--bip=10.1.15.1/24"), []),
            Checks.Bip, Verdict.Fail, "overlaps the route 10.1.15.128/25 through eth0");
    }

    [Fact]
    public void A_node_inside_of_its_own_overlay_is_a_failure()
    {
        NodeFacts node = Some.Node;

        Some.AssertIs(BipCheck.Judge(node with { Underlay = node.Underlay! with { PublicIp = IPAddress.Parse("10.1.2.3") } }, Docker(), []), Checks.Bip, Verdict.Fail, "10.1.2.3 is inside of the overlay network");
    }

    [Fact]
    public void An_address_of_the_overlay_on_another_device_is_a_failure() => Some.AssertIs(
        BipCheck.Judge(Some.With(addresses: [.. Some.Addresses, Some.Address(1, "10.1.77.5", 32)]), Docker(Good), []), Checks.Bip, Verdict.Fail, "10.1.77.5/32 of lo is inside of the overlay 10.1.0.0/16");

    [Theory]
    [InlineData("192.168.64.14", 28, "FAIL", "192.168.64.0/28 of Docker's network on br-0123456789ab overlaps 192.168.64.1/24 of eth0")]
    [InlineData("172.18.0.1", 16, "FAIL", "172.18.0.0/16 of Docker's network on br-0123456789ab has the address 172.18.4.4 of a peer inside")]
    [InlineData("192.168.64.129", 28, "WARN", "is inside of 192.168.64.0/24 of eth0")]
    [InlineData("10.1.77.1", 24, "FAIL", "10.1.77.1/24 of br-0123456789ab is inside of the overlay")]
    [InlineData("172.19.0.1", 16, "OK", "apart from this node's addresses")]
    public void A_network_made_with_docker_is_held_against_node_peers_and_overlay_and_removed_by_docker(string gateway, int length, string verdict, string text)
    {
        NodeFacts node = Some.With([.. Some.Links, new(9, "br-0123456789ab", "bridge", 1500, true, null, null, null)], [.. Some.Addresses, Some.Address(9, gateway, length)]);

        Finding finding = Assert.Single(BipCheck.Judge(node, Docker(Good), [IPAddress.Parse("172.18.4.4")]));

        Assert.Equal(verdict, finding.Verdict.ToString().ToUpperInvariant());
        Assert.Contains(text, finding.Found, StringComparison.Ordinal);
        Assert.Equal(verdict != "OK", finding.Mend?.StartsWith("docker network rm 0123456789ab #", StringComparison.Ordinal) == true);
    }

    [Fact]
    public void A_bip_that_holds_a_peers_address_is_a_failure() =>
        Some.AssertIs(BipCheck.Judge(Some.Node, Docker("--bip=172.17.0.1/16"), [IPAddress.Parse("172.17.4.4")]), Checks.Bip, Verdict.Fail, "has the address 172.17.4.4 of a peer inside");

    private static IEnumerable<Finding> Judge(DockerView docker, NodeFacts? node = null, DockerUnit? unit = null) => DockerChecks.Judge(node ?? Some.Node, docker, unit);

    private static DockerView Docker(params string[] flags) => new()
    {
        Daemon = new ProcessInfo(7, ["dockerd", .. flags], Some.Agent.Started.AddMinutes(1)),
        Bridge = [(IPAddress.Parse("10.1.15.1"), 24)],
    };
}
