using System.Net;
using Overlay.Agent.Docker;
using Overlay.Agent.Doctor;
using Overlay.Agent.Doctor.Firewall;
using Overlay.Agent.Reading;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>Packets walked through rules as iptables-save writes them.</summary>
public class FirewallCheckTests
{
    // What Docker 20.10 leaves on a host.
    private const string Docker = """
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD DROP [0:0]
        :OUTPUT ACCEPT [0:0]
        :DOCKER - [0:0]
        :DOCKER-ISOLATION-STAGE-1 - [0:0]
        :DOCKER-ISOLATION-STAGE-2 - [0:0]
        :DOCKER-USER - [0:0]
        -A FORWARD -j DOCKER-USER
        -A FORWARD -j DOCKER-ISOLATION-STAGE-1
        -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A FORWARD -o docker0 -j DOCKER
        -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
        -A FORWARD -i docker0 -o docker0 -j ACCEPT
        -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
        -A DOCKER-ISOLATION-STAGE-1 -j RETURN
        -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
        -A DOCKER-ISOLATION-STAGE-2 -j RETURN
        -A DOCKER-USER -j RETURN
        COMMIT
        *nat
        :POSTROUTING ACCEPT [0:0]
        -A POSTROUTING -s 10.1.15.0/24 ! -o docker0 -j MASQUERADE
        COMMIT
        """;

    private const string Ours = """
        -A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
        -A FLANNEL-FWD -s 10.1.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
        -A FLANNEL-FWD -d 10.1.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
        """;

    private static readonly (IPNetwork, IPAddress) Peer = (IPNetwork.Parse("10.1.16.0/24"), IPAddress.Parse("192.168.64.2"));

    [Fact]
    public void K5_dockers_forward_drop_without_accepts_is_a_failure() =>
        Some.AssertIs(Judge(Docker), Checks.Forward, Verdict.Fail, "flannel.1 to docker0 is dropped by the policy DROP of FORWARD");

    [Fact]
    public void With_the_agents_accepts_it_passes() =>
        Some.AssertIs(Judge(Docker.Replace("-A DOCKER-ISOLATION-STAGE-1 -i", Ours + "\n-A DOCKER-ISOLATION-STAGE-1 -i", StringComparison.Ordinal)), Checks.Forward, Verdict.Ok, "pass");

    // What Docker 28 leaves: the end of its own chain drops what Docker's bridge is not asked for, and so does raw, for each container.
    private const string Docker28 = """
        *raw
        :PREROUTING ACCEPT [0:0]
        -A PREROUTING -d 10.1.15.3/32 ! -i docker0 -j DROP
        COMMIT
        *filter
        :FORWARD DROP [0:0]
        :DOCKER - [0:0]
        :DOCKER-FORWARD - [0:0]
        :DOCKER-USER - [0:0]
        -A FORWARD -j DOCKER-USER
        -A FORWARD -j DOCKER-FORWARD
        -A DOCKER ! -i docker0 -o docker0 -j DROP
        -A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A DOCKER-FORWARD -o docker0 -j DOCKER
        -A DOCKER-FORWARD -i docker0 -j ACCEPT
        COMMIT
        """;

    [Fact]
    public void What_docker_28_drops_before_routing_is_named_with_the_accept_that_ends_it()
    {
        Finding finding = Assert.Single(Judge(Docker28), f => f.Check == Checks.Forward);

        Assert.Equal(Verdict.Fail, finding.Verdict);
        Assert.Contains("flannel.1 to docker0 is dropped by -A PREROUTING -d 10.1.15.3/32 ! -i docker0 -j DROP: Docker 28", finding.Found, StringComparison.Ordinal);
        Assert.Contains("iptables -t raw -I PREROUTING -d 10.1.0.0/16 -i flannel.1 -j ACCEPT", finding.Mend, StringComparison.Ordinal);
        Assert.DoesNotContain("-I FORWARD", finding.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public void What_docker_28_drops_in_its_own_chain_wants_accepts_before_it_and_one_from_DOCKER_USER_is_such()
    {
        string rules = Docker28.Replace("-A PREROUTING -d 10.1.15.3/32 ! -i docker0 -j DROP\n", "", StringComparison.Ordinal);
        Finding finding = Assert.Single(Judge(rules), f => f.Check == Checks.Forward);

        Assert.Contains("-A DOCKER ! -i docker0 -o docker0 -j DROP", finding.Found, StringComparison.Ordinal);
        Assert.StartsWith("iptables -I FORWARD -s 10.1.0.0/16 -j ACCEPT; iptables -I FORWARD -d 10.1.0.0/16 -j ACCEPT", finding.Mend, StringComparison.Ordinal);
        const string Jump = "-A DOCKER-USER -j FLANNEL-FWD\n-A FLANNEL-FWD -s 10.1.0.0/16 -j ACCEPT\n-A FLANNEL-FWD -d 10.1.0.0/16 -j ACCEPT\nCOMMIT";
        Some.AssertIs(Judge(rules[..rules.LastIndexOf("COMMIT", StringComparison.Ordinal)] + Jump), Checks.Forward, Verdict.Ok, "docker0 to flannel.1 and back pass");
    }

    [Fact]
    public void K5_rules_left_behind_in_the_other_iptables_count_too()
    {
        const string Left = "*filter\n:FORWARD DROP [0:0]\n-A INPUT -p udp -m udp --dport 8472 -j DROP\nCOMMIT";
        FirewallFacts facts = FirewallFacts.From([("iptables", new("*filter\nCOMMIT", null)), ("iptables-legacy", new(Left, null))], new(null, null));
        Finding[] findings = [.. FirewallChecks.Judge(facts, Some.Node, new DockerView(), Peer)];

        Some.AssertIs(findings, Checks.Forward, Verdict.Fail, "the policy DROP of FORWARD of iptables-legacy");
        Some.AssertIs(findings, Checks.Input, Verdict.Fail, "--dport 8472 -j DROP of iptables-legacy");
        Assert.Contains(findings, f => f.Mend == "iptables-legacy -I INPUT -p udp --dport 8472 -j ACCEPT");
    }

    [Fact]
    public void A_rule_outside_of_filter_is_mended_by_its_end() => Assert.Contains(
        Judge("*raw\n-A PREROUTING -p udp -m udp --dport 8472 -j DROP\nCOMMIT"), f => f.Check == Checks.Input && f.Mend == "iptables -t raw -D PREROUTING -p udp -m udp --dport 8472 -j DROP");

    [Fact]
    public void What_docker_28_drops_before_routing_is_a_failure() => Some.AssertIs(
        Judge("*raw\n-A PREROUTING -d 10.1.15.2/32 ! -i docker0 -j DROP\nCOMMIT\n*filter\nCOMMIT"), Checks.Forward, Verdict.Fail, "flannel.1 to docker0 is dropped by -A PREROUTING -d 10.1.15.2/32");

    [Theory]
    [InlineData("-A INPUT -p udp -m udp --dport 8472 -j DROP", "-p udp -m udp --dport 8472 -j DROP")]
    [InlineData("-A INPUT -p udp -m multiport --dports 53,8000:9000 -j REJECT --reject-with icmp-port-unreachable", "8000:9000")]
    [InlineData("-A INPUT -s 192.168.64.0/24 -i eth+ -j DROP", "eth+")]
    [InlineData(":INPUT DROP [0:0]\n-A INPUT -p tcp -j ACCEPT\n-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT", "the policy DROP of INPUT")]
    public void A_filtered_port_is_a_failure(string rules, string by) => Some.AssertIs(Judge($"*filter\n{rules}\nCOMMIT"), Checks.Input, Verdict.Fail, by);

    [Theory]
    [InlineData("-A INPUT -p tcp -m tcp --dport 8472 -j DROP")]
    [InlineData("-A INPUT ! -s 192.168.64.0/24 -p udp -m udp --dport 8472 -j DROP")]
    [InlineData("-A INPUT -p udp -m udp --dport 8472 -j ACCEPT\n-A INPUT -j DROP")]
    [InlineData("-A INPUT -m recent --update --seconds 60 --name bad -j DROP")]   // not understood: it counts as not matching
    [InlineData("-A INPUT -m comment --comment \"drop -j DROP of \\\"old\\\" days\" -j LOG")]
    public void Rules_about_other_packets_are_none_of_it(string rules) => Some.AssertIs(Judge($"*filter\n{rules}\nCOMMIT"), Checks.Input, Verdict.Ok, "passes");

    [Fact]
    public void A_drop_on_the_way_out_is_a_failure() => Some.AssertIs(Judge("*filter\n-A OUTPUT -p udp -m udp --dport 8472 -j DROP\nCOMMIT"), Checks.Output, Verdict.Fail, "UDP 8472 to 192.168.64.2");

    [Fact]
    public void Dockers_own_masquerading_hides_containers_from_peers() => Some.AssertIs(Judge(Docker), Checks.Masquerade, Verdict.Warn, "peers see this node's address");

    [Fact]
    public void Masquerading_that_was_promised_and_is_not_there_is_a_failure()
    {
        Some.AssertIs(Judge("*nat\nCOMMIT", masquerade: true), Checks.Masquerade, Verdict.Fail, "FLANNEL_IPMASQ=true, and POSTROUTING does not jump");
        const string Jump = "-A POSTROUTING -m comment --comment \"flanneld masq\" -j FLANNEL-POSTRTG\n";
        Some.AssertIs(Judge($"*nat\n{Jump}{Jump}COMMIT", masquerade: true), Checks.Masquerade, Verdict.Fail, "2 times");
        Some.AssertIs(Judge($"*nat\n{Jump}COMMIT", masquerade: true), Checks.Masquerade, Verdict.Fail, "no rule of FLANNEL-POSTRTG masquerades");
        const string Rules = "-A FLANNEL-POSTRTG -s 10.1.15.0/24 -d 10.1.0.0/16 -j RETURN\n-A FLANNEL-POSTRTG -s 10.1.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully\n";
        Some.AssertIs(Judge($"*nat\n{Jump}{Rules}COMMIT", masquerade: true), Checks.Masquerade, Verdict.Ok, "towards the world, not towards peers");
    }

    [Fact]
    public void Nobody_masquerading_beside_a_Docker_that_was_told_not_to_is_a_failure()
    {
        ProcessInfo daemon = new(7, ["dockerd", "--ip-masq=false"], Some.Agent.Started);
        Some.AssertIs(Judge("*nat\nCOMMIT", daemon: daemon), Checks.Masquerade, Verdict.Fail, "nobody masquerades 10.1.15.0/24");
        Some.AssertIs(Judge("*nat\nCOMMIT"), Checks.Masquerade, Verdict.Ok, "none, and FLANNEL_IPMASQ=false");
        Some.AssertIs(Judge("*nat\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT", daemon: daemon), Checks.Masquerade, Verdict.Ok, "towards the world");
    }

    [Fact]
    public void Rules_that_cannot_be_listed_are_skipped() =>
        Assert.All(FirewallChecks.Judge(FirewallFacts.From([("iptables", new(null, "iptables-save is not installed"))], new(null, "")), Some.Node, new DockerView(), Peer), f => Assert.Equal(Verdict.Skip, f.Verdict));

    [Fact]
    public void A_loop_of_chains_ends() => Some.AssertIs(Judge("*filter\n-A INPUT -j A\n-A A -j B\n-A B -j A\nCOMMIT"), Checks.Input, Verdict.Ok, "passes");

    private static IEnumerable<Finding> Judge(string rules, bool masquerade = false, string nft = "", ProcessInfo? daemon = null) =>
        FirewallChecks.Judge(FirewallFacts.From([("iptables", new(rules, null))], new(nft, null)), Some.Node with { File = Some.File with { Masquerade = masquerade } }, new DockerView { Daemon = daemon }, Peer);
}
