using Overlay.Netns.Tests.Lifecycle;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using static Tmds.Linux.LibC;

namespace Overlay.Netns.Tests.Healing;

/// <summary>A process that is stopped for longer than its lease lives, and routes that lead nowhere on purpose.</summary>
public sealed class NodeTests : LifecycleTest
{
    [Fact]
    public async Task K11_K14_after_a_sleep_past_the_end_of_the_lease_the_key_stands_again_at_once()
    {
        AgentProcess agent = await Node.StartReadyAsync("--subnet-lease-ttl=5");
        Node.Announce("has expired", "has vanished", "writing it again", "lost contact while following", "cannot keep the lease", "has run out without contact");
        (string name, string value) = Assert.Single(Etcd.Leases());

        agent.Signal(SIGSTOP);
        await Eventually.TrueAsync(() => Etcd.Leases().Count == 0, "the key of the sleeper expires");
        agent.Signal(SIGCONT);

        await Eventually.TrueAsync(() => Etcd.Leases().Count == 1, "the key stands again", () => agent.LogText);
        Assert.Equal(KeyValuePair.Create(name, value), Assert.Single(Etcd.Leases()));
        Assert.False(agent.HasExited);
    }

    [Fact]
    public async Task A_blackhole_route_keeps_packets_to_no_container_in_and_goes_when_it_is_not_asked_for()
    {
        AgentProcess agent = await Node.StartReadyAsync("--ip-blackhole-route");
        NetworkNamespace space = Node.Host.Namespace;
        string subnet = $"{Node.File.Subnet}";
        Assert.Contains($"blackhole {subnet} ", Routes(), StringComparison.Ordinal);
        Assert.Contains("Invalid argument", space.Run("ping", "-c", "1", "-W", "1", $"{Node.File.AddressOf(9)}").Output, StringComparison.Ordinal);

        // Docker's own route wins, whichever of the two came first.
        Pod.CreateBridge(Node.Host, Node.File);
        Pod pod = Pod.Create(Underlay, Node.Host, Node.File);
        Assert.Equal(0, space.Run("ping", "-c", "1", "-W", "5", $"{pod.Address}").ExitCode);

        Node.Announce("the blackhole route to");
        space.Ip($"route delete blackhole {subnet}");
        await Eventually.TrueAsync(() => Routes().Contains($"blackhole {subnet} ", StringComparison.Ordinal), "the route is back", () => agent.LogText);

        Assert.Equal(0, await agent.StopAsync());
        space.Ip("route add blackhole 10.1.99.0/24 metric 7");   // somebody else's
        Node.Announce("10.1.99.0/24");
        await Node.StartReadyAsync();
        Assert.DoesNotContain($"blackhole {subnet} ", Routes(), StringComparison.Ordinal);
        Assert.Contains("blackhole 10.1.99.0/24 ", Routes(), StringComparison.Ordinal);

        string Routes() => space.Must("ip", "route", "show", "type", "blackhole");
    }

    [Fact]
    public async Task K18_a_kernel_vxlan_device_on_the_port_is_named()
    {
        Node.Host.Namespace.Ip("link add theirs type vxlan id 7 dev eth0 dstport 8472", "link set theirs up");
        Node.Start();

        await AssertCannotStartAsync(Node, "bind UDP 192.168.64.1:8472", "the kernel vxlan device theirs (VNI 7)");
        Assert.Empty(Etcd.Leases());
        Node.Host.Namespace.Ip("link delete theirs");
    }
}
