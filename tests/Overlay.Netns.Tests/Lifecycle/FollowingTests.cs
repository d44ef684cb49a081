using System.Diagnostics;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;
using static Tmds.Linux.LibC;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>What happens in etcd while packets flow.</summary>
public sealed class FollowingTests : LifecycleTest
{
    [Fact]
    public async Task C3_no_ping_is_lost_while_etcd_is_killed_and_comes_back_and_peers_go_and_come()
    {
        Node.AnnounceDrops("NoRoute", "UnknownVtep");   // pings to a peer that is not yet known, or not any more
        Node.Announce("lost contact while following", "cannot keep the lease");
        await Node.StartReadyAsync();
        KernelNode peer = new(Underlay, Etcd, "peer", 2);
        peer.LearnPeers();
        Pod near = CreatePod(Node), far = CreatePod(peer);
        await Ping.UntilAnsweredAsync(near.Namespace, far.Address);
        using Process pinging = near.Namespace.Start(new ProcessStartInfo("ping", ["-i", "0.02", $"{far.Address}"]) { RedirectStandardOutput = true });
        Task<string> output = pinging.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);

        await Etcd.KillAsync();
        await Node.Agent.LoggedAsync("lost contact while following subnets/: ");
        await Etcd.StartAsync();
        KernelNode third = new(Underlay, Etcd, "third", 3);
        third.LearnPeers();
        await Node.Agent.LoggedAsync($"lease {third.LeaseName} added");
        Pod late = CreatePod(third);
        await Ping.UntilAnsweredAsync(near.Namespace, late.Address);
        Etcd.DeleteLease(third.LeaseName);
        await Node.Agent.LoggedAsync($"lease {third.LeaseName} of {third.Host.Address} is gone");
        await Eventually.TrueAsync(() => !Ping.Once(near.Namespace, late.Address, 100, mayFragment: false).Answered, "the way to the peer that left is closed");

        Assert.Equal(0, kill(pinging.Id, SIGINT));
        Assert.Contains(", 0% packet loss", await output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task E10_a_peer_that_changes_its_address_is_reached_at_the_new_one()
    {
        Node.AnnounceDrops("NoRoute", "UnknownVtep");
        await Node.StartReadyAsync();
        KernelNode peer = new(Underlay, Etcd, "peer", 2);
        peer.LearnPeers();
        Pod near = CreatePod(Node), far = CreatePod(peer);
        await Ping.UntilAnsweredAsync(near.Namespace, far.Address);
        // The same node under another address, as flanneld would publish it after a restart.
        peer.Host.Namespace.Ip(
            "address add 192.168.64.22/24 dev eth0",
            "link set flannel.1 type vxlan id 1 local 192.168.64.22",
            $"address del {peer.Host.Address}/24 dev eth0",
            "address replace 192.168.64.22/24 dev eth0");
        string value = Etcd.Leases()[peer.LeaseName].Replace($"{peer.Host.Address}\"", "192.168.64.22\"", StringComparison.Ordinal);
        Etcd.PutLease(peer.LeaseName, value);
        await Node.Agent.LoggedAsync($"lease {peer.LeaseName} changed: {peer.Host.Address} -> 192.168.64.22");

        await Ping.UntilAnsweredAsync(near.Namespace, far.Address);
    }

    [Fact]
    public async Task C20_a_key_that_an_operator_deletes_is_written_again()
    {
        AgentProcess agent = await Node.StartReadyAsync();
        Node.Announce("writing it again");
        (string name, string value) = Assert.Single(Etcd.Leases());

        Etcd.DeleteLease(name);

        await agent.LoggedAsync($"the key of our subnet {name} stands again");
        Assert.Equal(KeyValuePair.Create(name, value), Assert.Single(Etcd.Leases()));
        Assert.False(agent.HasExited);
    }

    [Fact]
    public async Task C5_C21_a_key_that_another_node_holds_is_left_to_it_and_the_node_moves()
    {
        using Supervisor supervisor = new(Underlay.Folder);
        AgentProcess agent = Node.StartWith(supervisor.Environment);
        await agent.ReadyAsync();
        Node.Announce("is now held by", "moved from", "until Docker is restarted", "its subnet overlaps with ours", "a route that is not this agent's");
        string name = Node.LeaseName;
        Pod.CreateBridge(Node.Host, Node.File);   // as Docker has one
        System.Net.IPAddress address = Node.File.AddressOf(0);
        const string Foreign = """{"PublicIP":"192.168.64.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:99"}}""";

        Etcd.PutLease(name, Foreign);

        await supervisor.HeardAsync("moved from");
        await Eventually.TrueAsync(() => Node.LeaseName != name, "subnet.env names another subnet", () => agent.LogText);
        Dictionary<string, string> leases = Etcd.Leases();
        Assert.Equal(Foreign, leases[name]);
        Assert.Equal(2, leases.Count);
        Assert.Contains($"\"PublicIP\":\"{Node.Host.Address}\"", leases[Node.LeaseName], StringComparison.Ordinal);
        string device = Node.Host.Namespace.Must("ip", "address", "show", "flannel.1");
        Assert.Contains($"inet {Node.File.AddressOf(0)}/32 ", device, StringComparison.Ordinal);
        Assert.DoesNotContain($"inet {address}/32 ", device, StringComparison.Ordinal);
        Assert.Contains($" src {Node.File.AddressOf(0)} ", Node.Host.Namespace.Must("ip", "route", "show", "dev", "flannel.1"), StringComparison.Ordinal);
        Assert.False(agent.HasExited);

        Assert.Contains("restart Docker", supervisor.Messages[^1], StringComparison.Ordinal);
        Node.Host.Namespace.Ip($"link del {Pod.Bridge}");   // as its restart does
        await Eventually.TrueAsync(() => !supervisor.Messages[^1].Contains("moved from", StringComparison.Ordinal), "STATUS is clean again", () => supervisor.Messages[^1]);
    }

    [Fact]
    public async Task C24_a_changed_network_config_is_reported_and_the_node_goes_on()
    {
        using Supervisor supervisor = new(Underlay.Folder);
        AgentProcess agent = Node.StartWith(supervisor.Environment);
        await agent.ReadyAsync();
        Node.Announce("network config");
        string name = Node.LeaseName;

        Etcd.PutConfig("""{ "Network": "10.2.0.0/16", "Backend": { "Type": "vxlan" } }""");

        await supervisor.HeardAsync("restart needed");
        Assert.False(agent.HasExited);
        Assert.Equal(name, Assert.Single(Etcd.Leases()).Key);
    }

    private Pod CreatePod(IOverlayNode node)
    {
        Pod.CreateBridge(node.Host, node.File);
        return Pod.Create(Underlay, node.Host, node.File);
    }
}
