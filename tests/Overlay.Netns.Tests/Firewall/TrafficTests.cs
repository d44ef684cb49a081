using System.Net;
using System.Net.Sockets;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Firewall;

/// <summary>What the rules do to packets.</summary>
public sealed class TrafficTests
{
    private const int TunnelPort = 8472;

    [Fact]
    public async Task K5_containers_reach_each_other_although_forward_drops()
    {
        await using FirewallTopology topology = await FirewallTopology.StartAsync("--iptables-forward-rules");

        await TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, 1 << 20, 1 << 16);
        await TcpTransfer.RunAsync(topology.RightPod, topology.LeftPod, 1 << 20, 1 << 16);
    }

    // The other side of the test above: without the rules nothing passes there.
    [Fact]
    public async Task Without_forward_rules_forward_drops_indeed()
    {
        await using FirewallTopology topology = await FirewallTopology.StartAsync("--iptables-forward-rules=false");

        Assert.False(Ping.Once(topology.LeftPod.Namespace, topology.RightPod.Address, 100, mayFragment: false).Answered);
    }

    [Fact]
    public async Task Ip_masq_hides_containers_from_the_outside_and_never_from_each_other()
    {
        await using FirewallTopology topology = await FirewallTopology.StartAsync("--iptables-forward-rules", "--ip-masq");
        using Witness outside = new(topology.Outside.Namespace, topology.Outside.Address);
        using Witness far = new(topology.RightPod.Namespace, topology.RightPod.Address);

        Assert.Equal($"{topology.Left.Host.Address}", await Witness.AskAsync(topology.LeftPod.Namespace, outside.EndPoint));
        Assert.Equal($"{topology.Left.Host.Address}", await Witness.AskAsync(topology.Left.Host.Namespace, outside.EndPoint));
        Assert.Equal($"{topology.LeftPod.Address}", await Witness.AskAsync(topology.LeftPod.Namespace, far.EndPoint));
        Assert.Equal($"{topology.Left.File.AddressOf(0)}", await Witness.AskAsync(topology.Left.Host.Namespace, far.EndPoint));
    }

    // Docker is started after the agent, as at every boot, and drops in front of FORWARD's end. Nobody but containers is let in by ours.
    [Fact]
    public async Task K5_containers_reach_each_other_in_front_of_what_Docker_28_drops_and_nobody_else_does()
    {
        await using FirewallTopology topology = await FirewallTopology.StartAsync("--iptables-forward-rules", "--iptables-resync=1");
        Assert.SkipUnless(topology.Left.Host.Namespace.Run("iptables-save", "-t", "raw").ExitCode == 0, "this kernel has no table raw");
        topology.Outside.Namespace.Ip($"route add {topology.Right.File.Subnet} via {topology.Right.Host.Address}");
        Assert.True(Pings(topology.Outside.Namespace, topology));
        Docker28.Start(topology.Left.Host, topology.LeftPod.Address);
        Docker28.Start(topology.Right.Host, topology.RightPod.Address);

        await Eventually.TrueAsync(() => Pings(topology.LeftPod.Namespace, topology), "the agents accept in front of Docker", () => Rules.Saved(topology.Right.Host));
        await TcpTransfer.RunAsync(topology.LeftPod, topology.RightPod, 1 << 20, 1 << 16);
        await TcpTransfer.RunAsync(topology.RightPod, topology.LeftPod, 1 << 20, 1 << 16);
        Assert.False(Pings(topology.Outside.Namespace, topology));

        // Started anew, it makes its rules anew, and this time somebody has flushed all.
        topology.Right.Announce("are put back");
        Docker28.Restart(topology.Right.Host, topology.RightPod.Address);
        await Eventually.TrueAsync(() => Pings(topology.LeftPod.Namespace, topology), "the agent accepts in front of it again", () => Rules.Saved(topology.Right.Host));
        Assert.Equal(2, Rules.Saved(topology.Right.Host).Split('\n').Count(line => line.Contains("--comment overlay-agent", StringComparison.Ordinal)));
        Assert.False(Pings(topology.Outside.Namespace, topology));
    }

    private static bool Pings(NetworkNamespace from, FirewallTopology topology) => Ping.Once(from, topology.RightPod.Address, 100, mayFragment: false).Answered;

    // With the node's address its datagrams would pass the peers' filter: a container could forge frames of any other.
    [Fact]
    public async Task K20_a_container_cannot_speak_to_the_tunnels_port_in_the_name_of_its_node()
    {
        await using FirewallTopology topology = await FirewallTopology.StartAsync("--iptables-forward-rules", "--ip-masq");

        Assert.Equal(topology.Left.Host.Address, await SourceSeenAsync(topology, TunnelPort + 1));
        Assert.Equal(topology.LeftPod.Address, await SourceSeenAsync(topology, TunnelPort));
    }

    private static async Task<IPAddress> SourceSeenAsync(FirewallTopology topology, int port)
    {
        using CancellationTokenSource deadline = Eventually.Deadline();
        using Socket outside = topology.Outside.Namespace.Socket(SocketType.Dgram, ProtocolType.Udp);
        outside.Bind(new IPEndPoint(topology.Outside.Address, port));
        using Socket container = topology.LeftPod.Namespace.Socket(SocketType.Dgram, ProtocolType.Udp);
        await container.SendToAsync(new byte[20], new IPEndPoint(topology.Outside.Address, port), deadline.Token);
        SocketReceiveFromResult received = await outside.ReceiveFromAsync(new byte[64], new IPEndPoint(IPAddress.Any, 0), deadline.Token);
        return ((IPEndPoint)received.RemoteEndPoint).Address;
    }
}
