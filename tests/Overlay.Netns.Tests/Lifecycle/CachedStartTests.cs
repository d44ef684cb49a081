using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;
using static Tmds.Linux.LibC;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>Starts without etcd, from what an earlier run saved, and what happens when etcd comes back.</summary>
public sealed partial class CachedStartTests : LifecycleTest
{
    private const string Foreign = """{"PublicIP":"192.168.64.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:99"},"NodeID":"other"}""";

    [Fact]
    public async Task C2_R6_without_etcd_the_last_known_peers_are_reached_and_nothing_is_lost_when_it_is_back()
    {
        (Pod near, Pod far) = await RunOnceAsync();
        (string name, string value) = (Node.LeaseName, Node.LeaseValue);
        await StopAllAsync();
        using Process knocking = Pinging(near, far, "0.01");
        Task<string> knocks = knocking.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        using Supervisor supervisor = new(Underlay.Folder);
        double start = Seconds();

        Node.StartWith(supervisor.Environment);

        await supervisor.HeardAsync("READY=1");
        await Ping.UntilAnsweredAsync(near.Namespace, far.Address);
        Assert.Equal(0, kill(knocking.Id, SIGINT));
        double first = double.Parse(Answered().Match(await knocks).Groups[1].Value, CultureInfo.InvariantCulture) - start;
        TestContext.Current.TestOutputHelper?.WriteLine($"R6: first packet forwarded {first * 1000:0} ms after the start of the process, etcd away");
        Assert.InRange(first, 0, 10);   // the goal is 1 s on a quiet machine
        string ready = supervisor.Messages.Single(message => message.StartsWith("READY=1", StringComparison.Ordinal));
        Assert.Matches("etcd unreachable since .*, forwarding from cache of ", ready);
        await supervisor.HeardAsync($"no connection to {Etcd.Endpoint}: Connection refused, forwarding from cache of ");   // C11: the reason, too

        using Process pinging = Pinging(near, far, "0.02");
        Task<string> pings = pinging.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await Etcd.StartAsync();
        await Node.Agent.LoggedAsync("the leases are those of etcd again");
        await Eventually.TrueAsync(() => !supervisor.Messages[^1].Contains("etcd", StringComparison.Ordinal), "STATUS is clean again", () => supervisor.Messages[^1]);
        await Node.Agent.LoggedAsync($"renewed the lease of {name}");
        Assert.Equal(0, kill(pinging.Id, SIGINT));
        Assert.Contains(", 0% packet loss", await pings, StringComparison.Ordinal);
        Assert.Equal(value, Node.LeaseValue);
        Assert.Equal(2, Etcd.Leases().Count);
    }

    [Fact]
    public async Task C16_a_wipe_behind_the_back_of_an_agent_that_started_without_etcd_changes_no_subnet_and_loses_nothing()
    {
        (Pod near, Pod far) = await RunOnceAsync();
        (string name, string value) = (Node.LeaseName, Node.LeaseValue);
        string peer = Etcd.Leases().Keys.Single(key => key != name), peerValue = Etcd.Leases()[peer];
        Node.Announce("was set back", "vanished all at once", "has expired", "writing it again", "waiting for a network config");
        await StopAllAsync();
        Etcd.Wipe();
        await Node.StartReadyAsync();
        await Ping.UntilAnsweredAsync(near.Namespace, far.Address);
        using Process pinging = Pinging(near, far, "0.02");
        Task<string> pings = pinging.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);

        await Etcd.StartAsync();
        await Node.Agent.LoggedAsync($"the key of our subnet {name} stands again");
        Etcd.PutLease(peer, peerValue);   // as the peer's own agent does
        Etcd.PutConfig();
        await Node.Agent.LoggedAsync("is again the one this agent runs with");

        Assert.Equal(0, kill(pinging.Id, SIGINT));
        Assert.Contains(", 0% packet loss", await pings, StringComparison.Ordinal);
        Assert.Equal(name, Node.LeaseName);
        Assert.Equal(value, Node.LeaseValue);
        Assert.Equal(2, Etcd.Leases().Count);
    }

    [Fact]
    public async Task C5_a_subnet_that_another_node_got_meanwhile_is_left_to_it_and_the_hook_is_told()
    {
        await RunOnceAsync();
        string name = Node.LeaseName, old = $"{Node.File.Subnet}";
        Node.Announce("is now held by", "moved from", "until Docker is restarted", "its subnet overlaps with ours", "the subnet has changed", "ignoring lease",
            "a route that is not this agent's");   // of the bridge, until Docker is restarted
        Node.Agent.Signal(SIGKILL);
        await Node.Agent.ExitAsync();
        Etcd.PutLease(name, Foreign);
        await Etcd.KillAsync();
        (string script, string told) = Hook();
        AgentProcess agent = Node.Start($"--on-subnet-change={script} fixed");
        await agent.ReadyAsync();
        Assert.Equal(name, Node.LeaseName);

        await Etcd.StartAsync();

        await agent.LoggedAsync("has ended well");
        Assert.Equal($"fixed {old} {Node.File.Subnet} {Node.SubnetFilePath}\n", await File.ReadAllTextAsync(told, TestContext.Current.CancellationToken));
        Assert.NotEqual(name, Node.LeaseName);
        Assert.Equal(Foreign, Etcd.Leases()[name]);
        Assert.Contains($"\"PublicIP\":\"{Node.Host.Address}\"", Node.LeaseValue, StringComparison.Ordinal);
        Assert.Equal(1, agent.Count($"subnet {name} of this node ({Node.Host.Address}) is now held by 192.168.64.99 (node id other)"));
    }

    [Fact]
    public async Task C5_a_node_that_comes_back_to_another_subnet_runs_the_hook_once()
    {
        Node.Announce("the subnet has changed");
        await Node.StartReadyAsync();
        (string name, string old) = (Node.LeaseName, $"{Node.File.Subnet}");
        Assert.Equal(0, await Node.Agent.StopAsync());
        Etcd.PutLease(name, Foreign);
        (string script, string told) = Hook();

        AgentProcess agent = await Node.StartReadyAsync($"--on-subnet-change={script} x");

        await agent.LoggedAsync("has ended well");
        Assert.NotEqual(name, Node.LeaseName);
        Assert.Equal($"x {old} {Node.File.Subnet} {Node.SubnetFilePath}\n", await File.ReadAllTextAsync(told, TestContext.Current.CancellationToken));
        Assert.Equal(0, await agent.StopAsync());
        AgentProcess again = await Node.StartReadyAsync($"--on-subnet-change={script} x");
        await again.StopAsync();
        Assert.Equal(0, again.Count("the subnet has changed"));
    }

    [Fact]
    public async Task C2_C5_C28_a_node_whose_subnet_was_taken_and_finds_no_other_is_not_ready_and_does_not_come_back_to_it_without_etcd()
    {
        const string Foreign = """{"PublicIP":"192.168.64.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:99"}}""";
        string[] health = [$"--healthz-ip={Node.Host.Address}", "--healthz-port=8080"];
        Node.Announce("is now held by", "moved from", "its subnet overlaps with ours", "out of subnets", "lost contact while following", "ignoring lease");
        Etcd.PutConfig("""{ "Network": "10.1.0.0/16", "SubnetMin": "10.1.7.0", "SubnetMax": "10.1.7.0", "Backend": { "Type": "vxlan" } }""");
        AgentProcess agent = await Node.StartReadyAsync(health);
        string name = Node.LeaseName, cache = Path.Combine(Node.StatePath, "cache.json");

        Etcd.PutLease(name, Foreign);

        await agent.LoggedAsync("out of subnets");
        Assert.Equal((503, "flanneld is not ready yet"), await Http.GetAsync(Node.Host, 8080, "/readyz"));
        await Eventually.TrueAsync(() => File.ReadAllText(cache).Contains("192.168.64.99", StringComparison.Ordinal), "the new owner is saved");
        Node.Agent.Signal(SIGKILL);
        await agent.ExitAsync();
        await Etcd.KillAsync();
        agent = Node.Start(health);
        await agent.LoggedAsync($"the subnet 10.1.7.0/24 was taken by 192.168.64.99");
        await agent.LoggedAsync("no connection to");
        Assert.Equal((503, "flanneld is not ready yet"), await Http.GetAsync(Node.Host, 8080, "/readyz"));

        await Etcd.StartAsync();
        await agent.LoggedAsync("out of subnets");
        Assert.Equal(Foreign, Etcd.Leases()[name]);
        Etcd.DeleteLease(name);
        await agent.ReadyAsync();
        Assert.Equal((200, "flanneld is ready"), await Http.GetAsync(Node.Host, 8080, "/readyz"));
        Assert.Equal(name, Node.LeaseName);
    }

    // Two nodes that reach each other, one of them the agent under test, which has saved what it needs.
    private async Task<(Pod Near, Pod Far)> RunOnceAsync()
    {
        Node.AnnounceDrops("NoRoute", "UnknownVtep");
        Node.Announce("forwarding from cache of", "lost contact while following");
        KernelNode peer = new(Underlay, Etcd, "peer", 2);
        await Node.StartReadyAsync();
        peer.LearnPeers();
        Pod.CreateBridge(Node.Host, Node.File);
        Pod.CreateBridge(peer.Host, peer.File);
        Pod near = Pod.Create(Underlay, Node.Host, Node.File), far = Pod.Create(Underlay, peer.Host, peer.File);
        await Ping.UntilAnsweredAsync(near.Namespace, far.Address);
        string cache = Path.Combine(Node.StatePath, "cache.json");
        await Eventually.TrueAsync(() => File.Exists(cache) && File.ReadAllText(cache).Contains(peer.LeaseName, StringComparison.Ordinal), "the peers are saved");
        return (near, far);
    }

    // As a power cut takes both.
    private async Task StopAllAsync()
    {
        Node.Agent.Signal(SIGKILL);
        await Node.Agent.ExitAsync();
        await Etcd.KillAsync();
    }

    private (string Script, string Told) Hook()
    {
        string script = Path.Combine(Node.Folder, "hook"), told = Path.Combine(Node.Folder, "told");
        File.WriteAllText(script, $"#!/bin/sh\necho \"$1 $OVERLAY_OLD_SUBNET $OVERLAY_NEW_SUBNET $OVERLAY_SUBNET_FILE\" >{told}\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return (script, told);
    }

    private static Process Pinging(Pod from, Pod to, string interval) =>
        from.Namespace.Start(new ProcessStartInfo("ping", ["-n", "-D", "-i", interval, $"{to.Address}"]) { RedirectStandardOutput = true });

    private static double Seconds() => (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;

    [GeneratedRegex(@"^\[([0-9.]+)\] \d+ bytes from", RegexOptions.Multiline)]
    private static partial Regex Answered();
}
