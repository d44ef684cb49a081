using System.Net;
using System.Text;
using Overlay.Agent.Docker;
using Overlay.Agent.Files;
using Overlay.Agent.Reading;
using Overlay.Agent.Startup;
using Overlay.Agent.Tests.Doctor;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Tests.Docker;

/// <summary>What about Docker does not go with the overlay, found without asking Docker.</summary>
public sealed class DockerFindingsTests
{
    private static readonly SubnetEnv Env = new(IPNetwork.Parse("10.1.0.0/16"), IPNetwork.Parse("10.1.5.0/24"), 1450, Masquerade: false);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"log-driver":"journald","fixed-cidr":"10.1.5.128/25"}""")]
    public void A_host_without_Docker_or_with_a_plain_one_gives_none(string? json) => Assert.Empty(Judge(json));

    [Theory]
    [InlineData("""{"bip":"172.26.0.1/16"}""", "bip", "where this node's is 10.1.5.1/24")]
    [InlineData("""{"bip":"10.1.5.1/24"}""", "bip", "Docker does not start when it is given as a flag as well")]
    [InlineData("""{"mtu":1500}""", "mtu", "where this node's is 1450")]
    [InlineData("""{"ip-masq":false}""", "ip-masq", "where this node's is true")]
    [InlineData("""{"bridge":"br0"}""", "bridge", "does not go with --bip")]
    [InlineData("""{"fixed-cidr":"172.17.0.0/24"}""", "fixed-cidr", "does not go with --bip")]
    [InlineData("""{"bip":""", "daemon.json", "not a JSON object")]
    [InlineData("[]", "daemon.json", "not a JSON object")]
    public void Daemon_json_is_judged(string json, string subject, string found)
    {
        DockerFinding finding = Assert.Single(Judge(json));
        Assert.EndsWith(subject, finding.Subject);
        Assert.Contains(found, finding.Found);
        Assert.NotEmpty(finding.Advice);
    }

    [Theory]
    [InlineData("--bip=172.17.0.1/16 --mtu=1450", "dockerd --bip", "10.1.5.1/24")]
    [InlineData("--bip 172.17.0.1/16 --mtu 1450", "dockerd --bip", "10.1.5.1/24")]
    [InlineData("--bip=10.1.5.1/24", "dockerd --mtu", "is not given, so containers get 1500, where the overlay carries 1450")]
    [InlineData("--mtu=1450", "dockerd --bip", "is not given where this node's subnet is 10.1.5.1/24: Docker takes a network of its own")]
    [InlineData("--bip=10.1.5.1/24 --mtu=1500", "dockerd --mtu", "is 1500 where the overlay carries 1450")]
    public void A_dockerd_that_was_started_with_other_values_is_found(string flags, string subject, string found)
    {
        DockerFinding finding = Assert.Single(Judge(null, daemon: flags));
        Assert.Equal((DockerHarm.Breaks, subject), (finding.Harm, finding.Subject));
        Assert.Contains(found, finding.Found);
    }

    [Theory]
    [InlineData("--bip=10.1.5.1/24 --mtu=1400", false, "dockerd --mtu", "is 1400 where the overlay carries 1450: smaller than need be")]
    [InlineData("--bip=10.1.5.1/24 --mtu=1450 --ip-masq=false", false, "dockerd --ip-masq", "nobody masquerades")]
    [InlineData("--bip=10.1.5.1/24 --mtu=1450", true, "dockerd --ip-masq", "peers see this node's address")]
    [InlineData("--mtu=1450", false, "dockerd --bip", "docker0 has it from before")]
    public void What_works_but_not_well_is_found_and_told_from_what_breaks(string flags, bool masquerade, string subject, string found)
    {
        DockerFinding finding = Assert.Single(Judge(null, [("10.1.5.1", 24)], flags, masquerade));
        Assert.Equal((DockerHarm.Slight, subject), (finding.Harm, finding.Subject));
        Assert.Contains(found, finding.Found);
    }

    [Theory]
    [InlineData("--bip=10.1.5.1/24 --mtu=1450 --ip-masq=true", false)]
    [InlineData("--bip=10.1.5.1/24 --mtu=1450 --ip-masq=false", true)]
    [InlineData("--bridge=br0 --mtu=1450", false)]   // somebody else's bridge: its address is judged for itself
    public void A_dockerd_that_was_started_with_ours_is_well(string flags, bool masquerade) => Assert.Empty(Judge(null, [("10.1.5.1", 24)], flags, masquerade));

    [Fact]
    public void What_daemon_json_sets_counts_for_the_dockerd_that_runs_with_it()
    {
        DockerFinding[] findings = [.. Judge("""{"bip":"10.1.5.1/24","mtu":1500,"ip-masq":false}""", daemon: "--debug")];

        Assert.Equal(["dockerd --mtu", "dockerd --ip-masq"], findings.Where(f => f.Harm != DockerHarm.AtNextStart).Select(f => f.Subject));
        Assert.Equal(3, findings.Count(f => f.Harm == DockerHarm.AtNextStart));
    }

    [Fact]
    public void The_configuration_file_is_the_one_that_dockerd_was_given()
    {
        using HostRoot root = new(
            ("/proc/9/comm", "dockerd\n"), ("/proc/9/stat", "9 (dockerd) S 1"), ("/proc/9/cmdline", "dockerd\0--config-file=/srv/docker.json\0"),
            ("/etc/docker/daemon.json", """{"bip":"172.26.0.1/16"}"""), ("/srv/docker.json", """{"mtu":1450,"bridge":"br0"}"""));

        DockerView view = DockerView.Read(Some.Node.Host, root.Files);

        Assert.Equal(("1450", "br0", null), (view.Option("mtu"), view.BridgeName, view.Option("bip")));
        Assert.Null(view.Bridge);
    }

    [Fact]
    public void Of_several_daemons_Docker_takes_the_options_of_the_one_whose_file_its_unit_names()
    {
        const string First = "/run/flannel/docker_opts.env", Blue = "/run/flannel/blue/docker_opts.env";
        using HostRoot root = new(
            ("/usr/lib/systemd/system/docker.service", "[Service]\nEnvironmentFile=-/etc/default/docker\n"),
            ("/usr/lib/systemd/system/docker.service.d/10-overlay-agent.conf", $"[Service]\nEnvironmentFile={First}\n"));

        DockerView view = DockerView.Read(Some.Node.Host, root.Files);

        Assert.Equal(["/etc/default/docker", First], view.EnvironmentFiles);
        Assert.Equal(First, view.SeenBy("/run/flannel/blue/subnet.env", Blue).AnothersFile);
        Assert.Same(view, view.SeenBy("/run/flannel/subnet.env", First));
        Assert.Null((view with { EnvironmentFiles = ["/run/flannel/docker"] }).SeenBy("/run/flannel/subnet.env", First).AnothersFile);   // flanneld's of old: nobody's now

        using HostRoot moved = new(
            ("/usr/lib/systemd/system/docker.service.d/10-overlay-agent.conf", $"[Service]\nEnvironmentFile={First}\n"),
            ("/etc/systemd/system/docker.service.d/20-mine.conf", $"[Service]\nEnvironmentFile=\nEnvironmentFile=-{Blue}\n"));
        Assert.Equal([Blue], DockerView.Read(Some.Node.Host, moved.Files).EnvironmentFiles);
    }

    [Fact]
    public void A_bridge_with_another_subnet_is_found()
    {
        Assert.Contains("has 172.17.0.1/16", Assert.Single(Judge(null, [("172.17.0.1", 16)])).Found);
        Assert.Contains("has no address", Assert.Single(Judge(null, [])).Found);
        Assert.Empty(Judge(null, [("172.17.0.1", 16), ("10.1.5.1", 24)]));
    }

    [Fact]
    public void This_host_can_be_looked_at()
    {
        using RouteNetlink netlink = new();
        Assert.NotNull(DockerFindings.OfSettings(DockerView.Read(HostNetwork.Read(netlink), new HostFiles()), Env).ToArray());
    }

    private static IEnumerable<DockerFinding> Judge(string? json, (string Address, int Length)[]? bridge = null, string? daemon = null, bool masquerade = false)
    {
        DockerView view = new()
        {
            Daemon = daemon is null ? null : new ProcessInfo(7, ["/usr/bin/dockerd", .. daemon.Split(' ')], DateTimeOffset.UnixEpoch),
            Bridge = bridge is null ? null : [.. bridge.Select(a => (IPAddress.Parse(a.Address), a.Length))],
        };
        if (json is not null) view = view.WithSettings(Encoding.UTF8.GetBytes(json));
        SubnetEnv env = Env with { Masquerade = masquerade };
        return DockerFindings.OfBridge(view, env) is { } finding ? DockerFindings.OfSettings(view, env).Append(finding) : DockerFindings.OfSettings(view, env);
    }
}
