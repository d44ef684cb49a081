using System.Text.RegularExpressions;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using static Tmds.Linux.LibC;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>What other programs see of a running and of a stopped agent: etcd, subnet.env, the device, the exit code.</summary>
public sealed partial class ContractTests : LifecycleTest
{
    [Fact]
    public async Task The_key_is_flannels_byte_for_byte_with_a_node_id_behind_it()
    {
        await Node.StartReadyAsync();

        (string name, string value) = Assert.Single(Etcd.Leases());
        Assert.Matches(@"^10\.1\.([1-5]\d|6[0-3])\.0-24$", name);   // from SubnetMin to SubnetMax
        Assert.Equal(
            $$$"""{"PublicIP":"192.168.64.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"{{{Node.VtepMac}}}"},"NodeID":"{{{NodeIdOf(value)}}}"}""", value);
        string lease = Convert.ToString(long.Parse(EtcdLease().Match(Etcd.Ctl("get", "-w", "json", $"{EtcdNode.Prefix}/subnets/{name}")).Groups[1].Value), 16);
        Assert.Contains("granted with TTL(86400s)", Etcd.Ctl("lease", "timetolive", lease), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Subnet_env_has_flannels_four_lines_and_is_readable_for_all()
    {
        await Node.StartReadyAsync();

        string third = Node.LeaseName.Split('.')[2];
        Assert.Equal(
            $"FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.{third}.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
            await File.ReadAllTextAsync(Node.SubnetFilePath, TestContext.Current.CancellationToken));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(Node.SubnetFilePath));
    }

    [Fact]
    public async Task J7_a_core_dump_would_hold_no_memory_of_the_agent()
    {
        AgentProcess agent = await Node.StartReadyAsync();
        Assert.Equal("00000000", (await File.ReadAllTextAsync($"/proc/{agent.Id}/coredump_filter", TestContext.Current.CancellationToken)).Trim());
    }

    [Fact]
    public async Task The_device_has_the_address_mtu_and_route_of_flannels()
    {
        await Node.StartReadyAsync();

        string device = Node.Host.Namespace.Must("ip", "-d", "address", "show", "flannel.1");
        Assert.Contains(" mtu 1450 ", device, StringComparison.Ordinal);
        Assert.Contains(" tun type tun ", device, StringComparison.Ordinal);
        Assert.Contains($"inet {Node.File.AddressOf(0)}/32 ", device, StringComparison.Ordinal);
        Assert.Contains("gso_max_size 65536", device, StringComparison.Ordinal);
        Assert.StartsWith("10.1.0.0/16 ", Node.Host.Namespace.Must("ip", "route", "show", "dev", "flannel.1"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SigTerm)]
    [InlineData(SigInt)]
    public async Task K11_a_stop_ends_with_0_and_keeps_lease_file_and_state(int signal)
    {
        AgentProcess agent = await Node.StartReadyAsync();
        string value = Node.LeaseValue, file = await File.ReadAllTextAsync(Node.SubnetFilePath, TestContext.Current.CancellationToken);

        agent.Signal(signal);

        Assert.Equal(0, await agent.ExitAsync());
        Assert.Equal(value, Node.LeaseValue);
        Assert.Equal(file, await File.ReadAllTextAsync(Node.SubnetFilePath, TestContext.Current.CancellationToken));
        Assert.NotEqual(0, Node.Host.Namespace.Run("ip", "link", "show", "flannel.1").ExitCode);
        Assert.Contains(" INFO  stopped as asked", agent.Log[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task K11_sighup_changes_nothing()
    {
        AgentProcess agent = await Node.StartReadyAsync();

        agent.Signal(SIGHUP);
        await agent.LoggedAsync("SIGHUP");

        Assert.False(agent.HasExited);
        Assert.Equal(0, Node.Host.Namespace.Run("ip", "link", "show", "flannel.1").ExitCode);
    }

    [Fact]
    public async Task K11_sigusr2_and_sigpipe_change_nothing_and_sigquit_stops_in_order()
    {
        AgentProcess agent = await Node.StartReadyAsync();

        agent.Signal(SIGUSR2);
        agent.Signal(SIGPIPE);
        agent.Signal(SIGHUP);
        await agent.LoggedAsync("SIGHUP");   // so it has had the others, too
        Assert.False(agent.HasExited);
        agent.Signal(SIGQUIT);

        Assert.Equal(0, await agent.ExitAsync());
        Assert.Contains(" INFO  stopped as asked", agent.Log[^1], StringComparison.Ordinal);
    }

    // The unit's sandbox has /proc/sys read-only.
    [Fact]
    public async Task K17_without_a_way_to_switch_IPv6_off_the_device_is_silent_all_the_same()
    {
        Node.StartThrough("unshare", "--mount", "sh", "-c", "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec \"$@\"", "sh");
        await Node.Agent.ReadyAsync();

        Assert.Equal("0", Node.Host.Namespace.Must("cat", "/proc/sys/net/ipv6/conf/flannel.1/disable_ipv6").Trim());
        Assert.Contains("addrgenmode none", Node.Host.Namespace.Must("ip", "-d", "link", "show", "flannel.1"), StringComparison.Ordinal);
        Assert.DoesNotContain("inet6", Node.Host.Namespace.Must("ip", "address", "show", "flannel.1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task C31_a_restart_keeps_subnet_mac_and_node_id()
    {
        AgentProcess agent = await Node.StartReadyAsync();
        (string name, string value) = Assert.Single(Etcd.Leases());
        agent.Signal(SIGKILL);
        await agent.ExitAsync();

        await Node.StartReadyAsync();

        Assert.Equal(KeyValuePair.Create(name, value), Assert.Single(Etcd.Leases()));
    }

    // As a reboot after a day off: the key is gone, subnet.env too, the state file is there.
    [Fact]
    public async Task C15_a_reboot_brings_the_old_subnet_back()
    {
        AgentProcess agent = await Node.StartReadyAsync();
        (string name, string value) = Assert.Single(Etcd.Leases());
        Assert.Equal(0, await agent.StopAsync());
        File.Delete(Node.SubnetFilePath);
        Etcd.DeleteLease(name);

        await Node.StartReadyAsync();

        Assert.Equal(KeyValuePair.Create(name, value), Assert.Single(Etcd.Leases()));
    }

    [Fact]
    public async Task A_node_of_flanneld_is_taken_over_with_subnet_and_mac()
    {
        // What a flanneld that was stopped leaves behind: device, route, lease.
        const string Mac = "02:42:c0:a8:40:01";
        NetworkNamespace space = Node.Host.Namespace;
        space.Ip(
            $"link add flannel.1 address {Mac} mtu 1450 type vxlan id 1 dev eth0 local {Node.Host.Address} dstport 8472 nolearning",
            "address add 10.1.33.0/32 dev flannel.1",
            "link set flannel.1 up");
        Etcd.PutLease("10.1.33.0-24",
            $$$"""{"PublicIP":"{{{Node.Host.Address}}}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"{{{Mac}}}"}}""",
            Etcd.Ctl("lease", "grant", "86400").Split(' ')[1]);

        AgentProcess agent = await Node.StartReadyAsync();

        Assert.Equal("10.1.33.0-24", Assert.Single(Etcd.Leases()).Key);
        Assert.Equal(Mac, Node.VtepMac);
        Assert.Equal(1, agent.Count($"kernel device flannel.1 is replaced, its MAC {Mac} is kept"));
        Assert.Contains(" tun type tun ", space.Must("ip", "-d", "link", "show", "flannel.1"), StringComparison.Ordinal);
    }

    private const int SigInt = 2, SigTerm = 15;

    private static string NodeIdOf(string value) => NodeId().Match(value).Groups[1].Value;

    [GeneratedRegex("\"NodeID\":\"([^\"]+)\"")]
    private static partial Regex NodeId();

    [GeneratedRegex("\"lease\":([0-9]+)")]
    private static partial Regex EtcdLease();
}
