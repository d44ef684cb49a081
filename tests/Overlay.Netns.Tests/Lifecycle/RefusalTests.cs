using System.Net;
using System.Net.Sockets;
using Overlay.Netns.Tests.Nodes;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>What the agent cannot work with: one clear line, the right exit code, and nothing left behind.</summary>
public sealed class RefusalTests : LifecycleTest
{
    [Fact]
    public async Task J6_a_wrong_flag_ends_with_2_and_touches_nothing()
    {
        AgentProcess agent = Node.Start("--no-such-flag=1");

        Assert.Equal(2, await agent.ExitAsync());
        Assert.Contains("no-such-flag", Assert.Single(agent.Log), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Node.StatePath));
        Assert.Empty(Etcd.Leases());
    }

    [Fact]
    public async Task K8_without_the_capability_it_is_named()
    {
        Node.StartThrough("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin");

        await AssertCannotStartAsync(Node, "CAP_NET_ADMIN");
        Assert.False(File.Exists(Node.SubnetFilePath));
        Assert.Empty(Etcd.Leases());
    }

    [Fact]
    public async Task K8_without_the_tun_device_it_is_named()
    {
        Node.StartThrough("unshare", "--mount", "sh", "-c", "mount -t tmpfs none /dev/net && exec \"$@\"", "sh");

        await AssertCannotStartAsync(Node, "/dev/net/tun");
        Assert.False(File.Exists(Node.SubnetFilePath));
        Assert.Empty(Etcd.Leases());
    }

    [Fact]
    public async Task K8_a_file_in_place_of_the_tun_device_is_named()
    {
        Node.StartThrough("unshare", "--mount", "sh", "-c", "mount -t tmpfs none /dev/net && touch /dev/net/tun && exec \"$@\"", "sh");

        await AssertCannotStartAsync(Node, "it is not the TUN device", "mknod /dev/net/tun c 10 200");
    }

    [Fact]
    public async Task K18_a_taken_port_is_named_before_anything_is_leased()
    {
        using Socket thief = Node.Host.Namespace.Socket(SocketType.Dgram, ProtocolType.Udp);
        thief.Bind(new IPEndPoint(IPAddress.Any, 8472));
        Node.Start();

        await AssertCannotStartAsync(Node, $"bind UDP {Node.Host.Address}:8472", $"process {Environment.ProcessId} (");
        Assert.Empty(Etcd.Leases());
    }

    [Fact]
    public async Task K18_nobody_shares_the_port_with_a_running_agent()
    {
        await Node.StartReadyAsync();
        using Socket thief = Node.Host.Namespace.Socket(SocketType.Dgram, ProtocolType.Udp);
        const int SolSocket = 1, ReusePort = 15;
        thief.SetRawSocketOption(SolSocket, ReusePort, BitConverter.GetBytes(1));

        SocketException refused = Assert.Throws<SocketException>(() => thief.Bind(new IPEndPoint(Node.Host.Address, 8472)));
        Assert.Equal(SocketError.AddressAlreadyInUse, refused.SocketErrorCode);
    }

    [Fact]
    public async Task J5_a_second_agent_with_the_same_state_is_refused_and_the_first_goes_on()
    {
        AgentProcess first = await Node.StartReadyAsync();
        Node.Start();

        await AssertCannotStartAsync(Node, $"process {first.Id}", Node.StatePath);
        Assert.False(first.HasExited);
    }

    [Fact]
    public async Task C30_a_second_node_with_the_same_public_ip_is_refused()
    {
        await Node.StartReadyAsync();
        string value = Node.LeaseValue;
        AgentNode clone = CreateOther();
        clone.Start($"--public-ip={Node.Host.Address}");

        await AssertCannotStartAsync(clone, $"{Node.Host.Address}");
        Assert.Equal(value, Assert.Single(Etcd.Leases()).Value);
    }

    [Fact]
    public async Task C30_J1_a_node_whose_state_folder_was_deleted_takes_its_own_lease_again_as_long_as_subnet_env_tells()
    {
        await Node.StartReadyAsync();
        (string name, string value) = (Node.LeaseName, Node.LeaseValue);
        Assert.Equal(0, await Node.Agent.StopAsync());
        Directory.Delete(Node.StatePath, recursive: true);
        Node.Announce("this node has lost its state");
        await Node.StartReadyAsync();
        Assert.Equal(KeyValuePair.Create(name, value), Assert.Single(Etcd.Leases()));

        Assert.Equal(0, await Node.Agent.StopAsync());
        Directory.Delete(Node.StatePath, recursive: true);
        File.Delete(Node.SubnetFilePath);   // as a reboot does: this may be another machine
        Node.Start();
        await AssertCannotStartAsync(Node, $"etcdctl del /coreos.com/network/subnets/{name}");
    }

    [Fact]
    public async Task E9_an_underlay_inside_of_the_overlay_is_refused()
    {
        Etcd.PutConfig("""{ "Network": "192.168.0.0/16", "Backend": { "Type": "vxlan" } }""");
        Node.Start();

        await AssertCannotStartAsync(Node, $"{Node.Host.Address}", "192.168.0.0/16");
        Assert.Empty(Etcd.Leases());
    }

    [Fact]
    public async Task An_interface_that_is_not_there_is_named()
    {
        Node.Start("--iface=eth7");   // the flag repeats, eth0 is tried first
        await Node.Agent.ReadyAsync();
        AgentNode other = CreateOther();
        other.Host.Namespace.Ip("link set eth0 name eth9");
        other.Start();

        await AssertCannotStartAsync(other, "eth0");
    }

    [Fact]
    public async Task A_vni_too_long_for_the_device_name_is_named()
    {
        Etcd.PutConfig("""{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan","VNI":16777215}}""");
        Node.Start();

        await AssertCannotStartAsync(Node, "flannel.16777215", "--device");
        Assert.Empty(Etcd.Leases());
    }

    [Fact]
    public async Task An_interface_of_another_kind_under_the_devices_name_is_left_alone()
    {
        Node.Host.Namespace.Ip("link add flannel.1 type bridge");
        Node.Start();

        await AssertCannotStartAsync(Node, "flannel.1 exists", "bridge");
        Assert.Empty(Etcd.Leases());
        Node.Host.Namespace.Ip("link del flannel.1");
    }
}
