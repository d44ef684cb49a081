using System.Diagnostics;
using Overlay.Netns.Tests.Lifecycle;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Firewall;

/// <summary>Which rules stand on a host, whatever happens to them (FAULTS K5).</summary>
public sealed class RuleTests : LifecycleTest
{
    private const string Nftables = """{ "Network": "10.1.0.0/16", "EnableNFTables": true, "Backend": { "Type": "vxlan" } }""";
    private const string PutBack = "are put back";

    private static readonly string[] On = ["--ip-masq", "--iptables-forward-rules", "--iptables-resync=1"];

    private static readonly string[] Disorders =
    [
        "iptables -t nat -F; iptables -F",
        "iptables -t nat -F; iptables -t nat -X || true; iptables -F; iptables -X || true",
        "nft flush ruleset",
        "iptables -D FORWARD 1; iptables -t nat -D FLANNEL-POSTRTG 3",
        "iptables -A FORWARD -m comment --comment 'flanneld forward' -j FLANNEL-FWD; iptables -I FLANNEL-FWD -j DROP",
        "R=$(iptables -t nat -S FLANNEL-POSTRTG 6 | cut -d' ' -f2-); iptables -t nat -D FLANNEL-POSTRTG 6; eval iptables -t nat -I $R",
    ];

    private static readonly string[] TableDisorders =
    [
        "nft flush ruleset",
        "nft delete table ip flannel-ipv4",
        "nft flush chain ip flannel-ipv4 forward; nft insert rule ip flannel-ipv4 postrtg masquerade",
    ];

    [Fact]
    public async Task K5_R15_flushed_doubled_or_reordered_rules_come_back_exactly_once_and_in_order()
    {
        RequireTools();
        Node.Announce(PutBack);
        AgentProcess agent = await Node.StartReadyAsync(On);
        Assert.Equal(Rules.Expected(Node.File), Rules.Ours(Node.Host));   // before READY, not some time after

        long start = Stopwatch.GetTimestamp();
        foreach (string disorder in Disorders)
        {
            Node.Host.Namespace.Must("sh", "-ec", disorder);
            await Eventually.TrueAsync(() => Rules.Expected(Node.File).SequenceEqual(Rules.Ours(Node.Host)), $"the rules stand again after: {disorder}",
                () => string.Join('\n', Rules.Ours(Node.Host)));
        }
        AssertSaidOnceAMinute(agent, start);
    }

    [Fact]
    public async Task K5_R15_the_table_of_nftables_comes_back_too()
    {
        RequireTools();
        Node.Announce(PutBack);
        Etcd.PutConfig(Nftables);
        AgentProcess agent = await Node.StartReadyAsync(On);
        Assert.Equal(Rules.ExpectedTable(Node.File), Rules.OurTable(Node.Host));
        Assert.Empty(Rules.Ours(Node.Host));

        long start = Stopwatch.GetTimestamp();
        foreach (string disorder in TableDisorders)
        {
            Node.Host.Namespace.Must("sh", "-ec", disorder);
            await Eventually.TrueAsync(() => Rules.ExpectedTable(Node.File).SequenceEqual(Rules.OurTable(Node.Host)), $"the table stands again after: {disorder}",
                () => string.Join('\n', Rules.OurTable(Node.Host)));
        }
        AssertSaidOnceAMinute(agent, start);
    }

    [Fact]
    public async Task K5_after_ten_restarts_each_rule_stands_exactly_once()
    {
        RequireTools();
        for (int i = 0; i < 10; i++) await (await Node.StartReadyAsync(On)).StopAsync();

        Assert.Equal(Rules.Expected(Node.File), Rules.Ours(Node.Host));
    }

    [Fact]
    public async Task K8_a_tool_that_cannot_work_here_stops_masquerading_only()
    {
        RequireTools("xtables-legacy-multi");
        Node.Announce("firewall rules cannot be kept");
        Dictionary<string, string> environment = LegacyTools(Path.Combine(Underlay.Folder, "no", "such", "folder"));

        AgentProcess agent = Node.StartWith(environment, "--iptables-forward-rules", "--iptables-resync=1");
        await agent.ReadyAsync();
        Assert.Contains("firewall rules cannot be kept: ", agent.Log.Single(line => line.Contains(" ready: ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal(0, await agent.StopAsync());
        Assert.Single(agent.Trouble);

        Node.StartWith(environment, "--ip-masq");
        await AssertCannotStartAsync(Node, "--ip-masq", "can't open lock file", "ReadWritePaths");
    }

    [Fact]
    public async Task K5_the_old_variant_of_iptables_is_served_as_well_and_its_lock_only_waited_for()
    {
        RequireTools("xtables-legacy-multi", "flock");
        Node.Announce("firewall rules cannot be kept");
        string lockFile = Path.Combine(Underlay.Folder, "lock");
        using Process holder = Node.Host.Namespace.Start(new ProcessStartInfo("flock", [lockFile, "sleep", "600"]));
        await Eventually.TrueAsync(() => Tool.Run("flock", ["--nonblock", lockFile, "true"]).ExitCode != 0, "the lock is held");

        AgentProcess agent = Node.StartWith(LegacyTools(lockFile), On);
        await agent.LoggedAsync("firewall rules cannot be kept");
        Assert.Equal(0, agent.Count("ready: "));
        holder.Kill(entireProcessTree: true);
        await agent.ReadyAsync();

        Assert.Equal(1, agent.Count("firewall rules cannot be kept"));
        Assert.Equal(1, agent.Count("can be kept again"));
        Assert.Equal(Rules.Expected(Node.File), Rules.Ours(Node.Host, "iptables-legacy-save"));
        Assert.Empty(Rules.Ours(Node.Host));
    }

    [Fact]
    public async Task A_change_of_network_or_flavour_takes_the_old_rules_with_it()
    {
        RequireTools();
        await (await Node.StartReadyAsync(On)).StopAsync();
        Etcd.PutConfig("""{ "Network": "10.2.0.0/16", "Backend": { "Type": "vxlan" } }""");

        await (await Node.StartReadyAsync(On)).StopAsync();
        Assert.Equal(Rules.Expected(Node.File), Rules.Ours(Node.Host));

        Etcd.PutConfig(Nftables);
        await (await Node.StartReadyAsync(On)).StopAsync();
        Assert.Equal(Rules.ExpectedTable(Node.File), Rules.OurTable(Node.Host));
        Assert.Empty(Rules.Ours(Node.Host));

        Etcd.PutConfig();
        await (await Node.StartReadyAsync("--iptables-forward-rules=false")).StopAsync();
        Assert.Empty(Rules.OurTable(Node.Host));
        Assert.Empty(Rules.Ours(Node.Host));
    }

    [Fact]
    public async Task C21_a_node_that_moves_takes_its_rules_along()
    {
        RequireTools();
        Node.Announce("is now held by", "moved from", "until Docker is restarted", "its subnet overlaps with ours");
        AgentProcess agent = await Node.StartReadyAsync("--ip-masq", "--iptables-forward-rules", "--iptables-resync=3600");
        string name = Node.LeaseName;

        Etcd.PutLease(name, """{"PublicIP":"192.168.64.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:99"}}""");

        await agent.LoggedAsync("firewall rules follow the node");
        await Eventually.TrueAsync(() => Node.LeaseName != name, "subnet.env names another subnet", () => agent.LogText);
        Assert.Equal(Rules.Expected(Node.File), Rules.Ours(Node.Host));
    }

    [Fact]
    public async Task K8_a_missing_tool_is_an_error_only_where_masquerading_needs_it()
    {
        RequireTools();
        string[] hide = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /usr/sbin && PATH=/usr/bin exec \"$@\"", "sh"];
        Node.Announce("iptables-save and iptables-restore are not installed");
        AgentProcess agent = Node.StartThrough(hide, "--iptables-forward-rules");
        await agent.ReadyAsync();
        Assert.Equal(0, await agent.StopAsync());
        agent = Node.StartThrough(hide, "--ip-masq");
        await AssertCannotStartAsync(Node, "--ip-masq", "iptables");

        Etcd.PutConfig(Nftables);
        Node.StartThrough(hide, "--ip-masq");
        await AssertCannotStartAsync(Node, "--ip-masq", "nft");
    }

    [Fact]
    public async Task A_rule_or_policy_that_ours_cannot_overcome_is_named_once()
    {
        RequireTools();
        Node.Announce("before they come as far as our accepts", "no rule of nftables can accept");
        Node.Host.Namespace.Must("iptables", "-A", "FORWARD", "-j", "REJECT");
        AgentProcess agent = await Node.StartReadyAsync(On);
        await agent.LoggedAsync("by -A FORWARD -j REJECT --reject-with icmp-port-unreachable; iptables -I FORWARD -j FLANNEL-FWD puts an accept first");
        Node.Host.Namespace.Must("iptables", "-I", "FORWARD", "-j", "FLANNEL-FWD");   // what the message says
        await agent.LoggedAsync("nothing stands before our accepts any more");
        Assert.Equal(1, agent.Count("WARN  firewall: "));
        await agent.StopAsync();

        Node.Host.Namespace.Must("iptables", "-P", "FORWARD", "DROP");
        Etcd.PutConfig(Nftables);
        agent = await Node.StartReadyAsync(On);
        await agent.LoggedAsync("no rule of nftables can accept what it drops");
    }

    // One line, and on a machine so slow that the disorders take minutes another one for each: the log is not filled by whoever fights with us.
    private static void AssertSaidOnceAMinute(AgentProcess agent, long start) =>
        Assert.InRange(agent.Count(PutBack), 1, 1 + (int)Stopwatch.GetElapsedTime(start).TotalMinutes);

    /// <summary>An environment in which iptables is the old variant, with a lock of its own.</summary>
    private Dictionary<string, string> LegacyTools(string lockFile)
    {
        string folder = Directory.CreateDirectory(Path.Combine(Underlay.Folder, "legacy")).FullName;
        foreach (string tool in new[] { "iptables-save", "iptables-restore" })
            File.CreateSymbolicLink(Path.Combine(folder, tool), Tool.Must("sh", ["-c", "command -v xtables-legacy-multi"]).Trim());
        return new Dictionary<string, string> { ["PATH"] = $"{folder}:{Environment.GetEnvironmentVariable("PATH")}", ["XTABLES_LOCKFILE"] = lockFile };
    }

    private static void RequireTools(params string[] more)
    {
        string[] missing = [.. new[] { "iptables", "iptables-save", "nft", "unshare" }.Concat(more).Where(tool => !Privilege.IsInstalled(tool))];
        Assert.SkipWhen(missing.Length > 0, $"not installed: {string.Join(", ", missing)} (apt-get install iptables nftables)");
    }
}
