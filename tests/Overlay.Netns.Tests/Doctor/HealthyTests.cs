using System.Text;
using System.Text.RegularExpressions;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Doctor;

/// <summary>The doctor on a healthy node: nothing is broken, and nothing is changed by looking.</summary>
public sealed partial class HealthyTests(DoctorFixture fixture) : IClassFixture<DoctorFixture>
{
    // What is true of a test machine, and of the time it has.
    private static readonly string[] OfTheMachine =
    [
        "host.virtualization", "host.clock", "host.steal", "host.kernel", "etcd.fsync", "etcd.latency", "peers.jitter", "peers.reach",
        "sysctl.ip-forward", "sysctl.bridge-nf-call-iptables", "sysctl.bridge-nf-call-ip6tables",
    ];

    [Fact]
    public async Task A_healthy_node_has_no_failure_and_looking_changes_nothing()
    {
        await fixture.StartAsync();
        Host host = fixture.Left.Host;
        await Eventually.TrueAsync(() => host.Namespace.Run("ping", "-c", "1", "-W", "1", $"{fixture.Right.File.AddressOf(0)}").ExitCode == 0, "the hosts reach each other");
        await Eventually.TrueAsync(() => !host.Namespace.Must("ip", "address").Contains("tentative", StringComparison.Ordinal), "the kernel has settled its IPv6 addresses");
        string before = Snapshot();

        DoctorReport report = DoctorReport.Of(host);

        Assert.Equal(before, Snapshot());
        Assert.Empty(report.With("FAIL"));
        Assert.Empty(report.With("WARN").Except(OfTheMachine));
        Assert.Equal(report.With("WARN").Length > 0 ? 3 : 0, report.ExitCode);
        foreach (string id in (string[])["overlay.agent", "overlay.device", "overlay.subnet-env", "mtu.underlay", "mtu.docker0", "mtu.containers", "docker.bridge", "docker.bip",
            "underlay.port", "firewall.forward", "firewall.input", "lease.own", "lease.conflicts", "etcd.members", "etcd.leader", "peers.mtu"])
        {
            Assert.Contains(report.Findings, f => f.Id == id && f.Verdict == "OK");
        }
    }

    [Fact]
    public async Task The_text_names_each_check_with_its_verdict_and_the_agent_as_the_source_of_the_settings()
    {
        await fixture.StartAsync();

        (_, string text) = fixture.Left.Host.Namespace.Run(AgentProcess.Binary, "doctor");

        Assert.Contains($"settings from process {fixture.Left.Agent.Id}\n", text, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^  OK    mtu\.underlay +eth0 1500, overlay 1450 \+ 50 = 1500$", text);
        Assert.Matches(@"(?m)^[0-9]+ OK, [0-9]+ WARN, 0 FAIL, [0-9]+ SKIP$", text);
    }

    // Links, addresses, routes of all tables, rules, sysctls of the network, modules, the agent's files, and etcd's revision.
    private string Snapshot()
    {
        NetworkNamespace space = fixture.Left.Host.Namespace;
        StringBuilder text = new();
        text.AppendLine(Passing().Replace(space.Must("ip", "address"), ""));
        text.AppendLine(space.Must("ip", "route", "show", "table", "all"));
        text.AppendLine(space.Must("ip", "rule"));
        text.AppendLine(Comments().Replace(space.Must("iptables-save"), ""));
        text.AppendLine(space.Must("sh", "-c", "grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv4/ip_forward /proc/sys/net/bridge /proc/sys/net/core; cut -d' ' -f1,2 /proc/modules 2>/dev/null; true"));
        // Not read from here: the runtime would lock each file, and the agent holds one of them. Two it writes at times by itself.
        text.AppendLine(Tool.Must("find", [fixture.Left.Folder, "-type", "f", "-not", "-name", "cache.json", "-not", "-name", "state.json", "-printf", "%p %T@ %m\\n", "-exec", "sha256sum", "{}", ";"]));
        text.AppendLine(Revision().Match(fixture.Topology.Etcd.Ctl("get", "-w", "json", "--prefix", "/")).Value);
        return text.ToString();
    }

    // Lifetimes count down, and the kernel works out a link's state some time after it came up.
    [GeneratedRegex("valid_lft.*| state [A-Z]+")]
    private static partial Regex Passing();

    [GeneratedRegex(@"(?m)^#.*$|\[[0-9]+:[0-9]+\]")]
    private static partial Regex Comments();

    [GeneratedRegex("\"revision\":[0-9]+")]
    private static partial Regex Revision();
}
