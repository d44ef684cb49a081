using Overlay.Netns.Tests.Lifecycle;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Firewall;

/// <summary><c>overlay-agent cleanup</c> on a host with rules, devices and files of others.</summary>
public sealed class CleanupTests : LifecycleTest
{
    [Fact]
    public async Task Cleanup_leaves_the_host_as_it_was_before_the_agent()
    {
        Assert.SkipUnless(Privilege.IsInstalled("iptables") && Privilege.IsInstalled("nft"), "not installed: iptables or nft");
        Node.Host.Namespace.Must("sh", "-ec", """
            iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -t raw -A PREROUTING -d 10.1.0.0/16 -i eth7 -j DROP
            iptables -N OPERATOR; iptables -A OPERATOR -s 10.1.9.0/24 -j DROP; iptables -A FORWARD -j OPERATOR
            iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
            nft add table ip operator; nft add chain ip operator forward '{ type filter hook forward priority 5; }'
            ip tuntap add mine mode tun; ip link add flannel.7 type bridge
            ip route add blackhole 10.1.99.0/24 metric 7; ip route add blackhole 10.2.5.0/24 metric 1000000000 proto 79
            """);
        Node.Announce("10.1.99.0/24");
        string saved = Rules.Saved(Node.Host), tables = Node.Host.Namespace.Must("nft", "list", "table", "ip", "operator");
        string links = Node.Host.Namespace.Must("ip", "-o", "link"), routes = Node.Host.Namespace.Must("ip", "route");
        string options = Path.Combine(Node.Folder, "docker_opts.env");   // cleanup is not told of it: the agent's unit has a variable for it, the operator's shell has not
        AgentProcess agent = await Node.StartReadyAsync("--ip-masq", "--iptables-forward-rules", "--ip-blackhole-route", $"--docker-opts-file={options}");
        Assert.NotEqual(saved, Rules.Saved(Node.Host));

        (int exitCode, string output) = Cleanup();
        Assert.Equal(1, exitCode);
        Assert.Contains($"process {agent.Id}", output, StringComparison.Ordinal);
        Assert.Equal(Rules.Expected(Node.File), Rules.Ours(Node.Host));
        Assert.Equal(0, await agent.StopAsync());
        // A device that a killed agent of another kind made to stay.
        Node.Host.Namespace.Ip("tuntap add flannel.1 mode tun", $"address add {Node.File.AddressOf(0)}/32 dev flannel.1");
        string before = Rules.Saved(Node.Host), subnet = $"{Node.File.Subnet}";
        Assert.Contains($"blackhole {subnet} ", Node.Host.Namespace.Must("ip", "route"), StringComparison.Ordinal);

        (exitCode, string planned) = Cleanup("--dry-run");
        Assert.Equal(0, exitCode);
        Assert.Equal(before, Rules.Saved(Node.Host));
        (exitCode, output) = Cleanup();

        Assert.True(exitCode == 0, output);
        Assert.Equal(planned.Split('\n')[1..], output.Split('\n'));
        Assert.Contains("nat: chain FLANNEL-POSTRTG removed, jump from POSTROUTING removed", output, StringComparison.Ordinal);
        Assert.Contains("device flannel.1 removed", output, StringComparison.Ordinal);
        Assert.Contains($"blackhole route to {subnet} removed", output, StringComparison.Ordinal);
        Assert.Equal(saved, Rules.Saved(Node.Host));
        Assert.Equal(tables, Node.Host.Namespace.Must("nft", "list", "table", "ip", "operator"));
        Assert.Equal(links, Node.Host.Namespace.Must("ip", "-o", "link"));
        Assert.Equal(routes, Node.Host.Namespace.Must("ip", "route"));
        Assert.False(File.Exists(Node.SubnetFilePath));
        Assert.Contains($"file {options} removed", output, StringComparison.Ordinal);
        Assert.False(File.Exists(options));
        Assert.True(File.Exists(Path.Combine(Node.StatePath, "state.json")));
        Assert.Equal((0, "nothing of overlay-agent is left here\n"), Cleanup());

        // Without a state the network has to be named, were there anything left to ask about.
        Node.Host.Namespace.Ip("route delete blackhole 10.2.5.0/24");
        Assert.Equal(0, Cleanup("--state").ExitCode);
        Assert.False(Directory.Exists(Node.StatePath));
        Assert.Equal((0, "nothing of overlay-agent is left here\n"), Cleanup("--state"));
        Assert.False(Directory.Exists(Node.StatePath));
    }

    [Fact]
    public async Task Cleanup_of_an_instance_that_never_leased_leaves_another_its_rules()
    {
        Etcd.Ctl("put", "/blue/network/config", """{ "Network": "10.2.0.0/16", "SubnetMin": "10.2.5.0", "SubnetMax": "10.2.5.0", "Backend": { "Type": "vxlan", "VNI": 2, "Port": 8473 } }""");
        Etcd.Ctl("put", "/blue/network/subnets/10.2.5.0-24", """{ "PublicIP": "192.168.64.99", "BackendType": "vxlan", "BackendData": { "VNI": 2, "VtepMAC": "fe:0c:99:5a:37:ec" } }""");
        await Node.StartReadyAsync("--ip-masq", "--iptables-forward-rules", "--ip-blackhole-route");
        string saved = Rules.Saved(Node.Host), routes = Node.Host.Namespace.Must("ip", "route");
        string state = Path.Combine(Node.Folder, "blue"), env = Path.Combine(Node.Folder, "blue.env");
        string[] files = [$"--state-dir={state}", $"--subnet-file={env}"];

        // Nobody knows of it: what stands may be anybody's.
        (int exitCode, string output) = Node.Host.Namespace.Run(AgentProcess.Binary, ["cleanup", .. files]);
        Assert.Equal(1, exitCode);
        Assert.Contains("name it with --network=", output, StringComparison.Ordinal);
        Assert.Contains("the blackhole route to ", output, StringComparison.Ordinal);
        Assert.Equal((saved, routes), (Rules.Saved(Node.Host), Node.Host.Namespace.Must("ip", "route")));

        // It has got as far as a state of its own, and no further: no subnet is free.
        await using (AgentProcess blue = AgentProcess.Start(Node.Host, [$"--etcd-endpoints={Etcd.Endpoint}", "--etcd-prefix=/blue/network", "--iface=eth0", .. files]))
        {
            await Eventually.TrueAsync(() => File.Exists(Path.Combine(state, "state.json")), "the instance knows itself");
            await blue.StopAsync();
        }
        Assert.Equal((0, "nothing of overlay-agent is left here\n"), Node.Host.Namespace.Run(AgentProcess.Binary, ["cleanup", .. files]));
        Assert.Equal((saved, routes), (Rules.Saved(Node.Host), Node.Host.Namespace.Must("ip", "route")));
    }

    // As the package's page has it for a node that does not come back.
    [Fact]
    public async Task Cleanup_after_a_release_of_the_lease_still_knows_whose_rules_they_are()
    {
        Assert.SkipUnless(Privilege.IsInstalled("iptables"), "not installed: iptables");
        string options = Path.Combine(Node.Folder, "docker_opts.env");
        AgentProcess agent = await Node.StartReadyAsync("--ip-masq", "--iptables-forward-rules", $"--docker-opts-file={options}");
        Assert.Equal(0, await agent.StopAsync());

        (int exitCode, string output) = Node.Host.Namespace.Run(
            AgentProcess.Binary, "leases", "release", "--yes", $"--subnet-file={Node.SubnetFilePath}", $"--state-dir={Node.StatePath}", $"--etcd-endpoints={Etcd.Endpoint}");
        Assert.True(exitCode == 0, output);
        Assert.False(File.Exists(options));
        (exitCode, output) = Cleanup();

        Assert.True(exitCode == 0, output);
        Assert.Empty(Rules.Ours(Node.Host));
    }

    [Fact]
    public async Task A_node_is_drained_in_one_go_its_agent_stopped_its_subnet_released_and_its_host_cleaned_up()
    {
        Assert.SkipUnless(Privilege.IsInstalled("iptables"), "not installed: iptables");
        AgentProcess agent = await Node.StartReadyAsync("--ip-masq", "--iptables-forward-rules", "--ip-blackhole-route");
        string name = Node.LeaseName;
        string[] drain = ["leases", "release", "--drain", $"--subnet-file={Node.SubnetFilePath}", $"--state-dir={Node.StatePath}", $"--etcd-endpoints={Etcd.Endpoint}"];
        (int exitCode, string output) = Node.Host.Namespace.Run(AgentProcess.Binary, [.. drain, "--dry-run"]);
        Assert.True(exitCode == 0 && output.Contains("would stop overlay-agent (process ", StringComparison.Ordinal), output);
        Assert.Equal(1, Node.Host.Namespace.Run(AgentProcess.Binary, drain).ExitCode);   // nobody to ask, no leave given
        Assert.Equal(1, Node.Host.Namespace.Run(AgentProcess.Binary, [.. drain[..^1], "--yes", "--etcd-endpoints=http://127.0.0.1:1"]).ExitCode);   // it could not be released
        Assert.False(agent.HasExited);

        (exitCode, output) = Node.Host.Namespace.Run(AgentProcess.Binary, [.. drain, "--yes"]);

        Assert.True(exitCode == 0, output);
        Assert.Equal(0, await agent.ExitAsync());
        Assert.DoesNotContain(name, Etcd.Leases().Keys);
        Assert.False(File.Exists(Node.SubnetFilePath));
        Assert.Empty(Rules.Ours(Node.Host));
        Assert.DoesNotContain("blackhole", Node.Host.Namespace.Must("ip", "route", "show"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cleanup_finds_rules_of_both_flavours_without_any_file_once_it_is_told_the_network()
    {
        Assert.SkipUnless(Privilege.IsInstalled("iptables") && Privilege.IsInstalled("nft"), "not installed: iptables or nft");
        Node.Host.Namespace.Must("sh", "-ec", """
            iptables -N FLANNEL-FWD; iptables -A FLANNEL-FWD -s 10.1.0.0/16 -m comment --comment 'flanneld forward' -j ACCEPT
            iptables -A FORWARD -m comment --comment 'flanneld forward' -j FLANNEL-FWD
            nft add table ip flannel-ipv4; nft add chain ip flannel-ipv4 forward '{ type filter hook forward priority 0; }'
            nft add rule ip flannel-ipv4 forward ip saddr 10.1.0.0/16 accept
            """);
        string optionsFile = Path.Combine(Node.Folder, "docker_opts.env");
        await File.WriteAllTextAsync(optionsFile, "DOCKER_OPTS=\n", TestContext.Current.CancellationToken);

        (int exitCode, string output) = Cleanup("--network=10.1.0.0/16", $"--docker-opts-file={optionsFile}");

        Assert.True(exitCode == 0, output);
        Assert.Empty(Rules.Ours(Node.Host));
        Assert.Empty(Rules.OurTable(Node.Host));
        Assert.False(File.Exists(optionsFile));
        Assert.False(Directory.Exists(Node.StatePath));
    }

    private (int ExitCode, string Output) Cleanup(params string[] more) =>
        Node.Host.Namespace.Run(AgentProcess.Binary, ["cleanup", $"--subnet-file={Node.SubnetFilePath}", $"--state-dir={Node.StatePath}", .. more]);
}
