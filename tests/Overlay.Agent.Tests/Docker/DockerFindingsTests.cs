using System.Net;
using System.Text;
using Overlay.Agent.Docker;
using Overlay.Agent.Files;
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
    [InlineData("--bip=10.1.5.1/24", "dockerd --mtu", "containers get 1500")]
    [InlineData("--bip=10.1.5.1/24 --mtu=1500", "dockerd --mtu", "is 1500 where the overlay carries 1450")]
    public void A_dockerd_that_was_started_with_other_values_is_found(string flags, string subject, string found)
    {
        DockerFinding finding = Assert.Single(Judge(null, daemon: flags));
        Assert.Equal(subject, finding.Subject);
        Assert.Contains(found, finding.Found);
    }

    [Theory]
    [InlineData("--bip=10.1.5.1/24 --mtu=1450 --ip-masq=true")]
    [InlineData("--bip=10.1.5.1/24 --mtu=1400")]
    public void A_dockerd_that_was_started_with_ours_is_well(string flags) => Assert.Empty(Judge(null, [("10.1.5.1", 24)], flags));

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
        Assert.NotNull(DockerFindings.Judge(DockerView.Read(netlink), Env));
    }

    private static IReadOnlyList<DockerFinding> Judge(string? json, (string Address, int Length)[]? bridge = null, string? daemon = null) => DockerFindings.Judge(
        new DockerView(
            json is null ? null : Encoding.UTF8.GetBytes(json),
            bridge is null ? null : [.. bridge.Select(a => (IPAddress.Parse(a.Address), a.Length))],
            daemon is null ? null : ["/usr/bin/dockerd", .. daemon.Split(' ')]),
        Env);
}
