using System.Diagnostics;
using Overlay.Netns.Tests.Lifecycle;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Healing;

/// <summary>What becomes of the network card under the overlay, and what the agent makes of it (FAULTS K1, K2, H4).</summary>
public sealed class UnderlayTests : LifecycleTest
{
    private const string Changed = "192.168.64.21";

    private AgentNode _peer = null!;
    private Pod _near = null!;
    private Pod _far = null!;

    [Fact]
    public async Task K4_what_only_the_operator_can_mend_stands_in_STATUS_as_long_as_it_lasts()
    {
        Node.Announce("forwarding is off on flannel.1");
        using Supervisor supervisor = new(Underlay.Folder);
        await Node.StartWith(supervisor.Environment).ReadyAsync();

        Node.Host.Namespace.SetSysctl("ipv4/ip_forward", "0");
        Node.Host.Namespace.Ip("link set lo mtu 60000");   // a hint: not every kernel tells of the switch
        await supervisor.HeardAsync("MTU 1450; forwarding is off on flannel.1");
        Node.Host.Namespace.SetSysctl("ipv4/ip_forward", "1");
        Node.Host.Namespace.Ip("link set lo mtu 65536");
        await Eventually.TrueAsync(() => supervisor.Messages[^1].EndsWith("MTU 1450", StringComparison.Ordinal), "STATUS is as before", () => string.Join('\n', supervisor.Messages));
    }

    [Fact]
    public async Task K1_a_link_that_flaps_ten_times_a_second_is_sat_out()
    {
        await StartBothAsync();
        NetworkNamespace space = Node.Host.Namespace;
        int lines = Node.Agent.Log.Count;

        for (int i = 0; i < 20; i++)
        {
            space.Ip("link set eth0 down");
            await Task.Delay(50, TestContext.Current.CancellationToken);
            space.Ip("link set eth0 up");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
        await RecoversAsync("the link stays up");

        Assert.False(Node.Agent.HasExited);
        Assert.InRange(Node.Agent.Log.Count - lines, 0, 10);
    }

    [Fact]
    public async Task K1_a_link_that_stays_down_is_named_with_its_end()
    {
        await StartBothAsync();

        Node.Host.Namespace.Ip("link set eth0 down");
        await Node.Agent.LoggedAsync("underlay eth0 is down: peers are not reached meanwhile");
        Node.Host.Namespace.Ip("link set eth0 up");

        await Node.Agent.LoggedAsync("underlay eth0, 192.168.64.1 is in order again");
        await RecoversAsync("the link is up again");
    }

    [Fact]
    public async Task K2_a_new_address_is_published_and_packets_go_on()
    {
        await StartBothAsync();
        Node.Announce("underlay address 192.168.64.1 is gone", "the address of the underlay is");
        string subnet = Node.LeaseName;

        Node.Host.Namespace.Ip("address add 192.168.64.9/24 dev eth0");   // a second one changes nothing
        Node.Host.Namespace.Ip($"address add {Changed}/24 dev eth0", "address delete 192.168.64.9/24 dev eth0", "address delete 192.168.64.1/24 dev eth0", $"address replace {Changed}/24 dev eth0");
        long start = Stopwatch.GetTimestamp();
        await Eventually.TrueAsync(() => Node.LeaseValue.Contains($"\"PublicIP\":\"{Changed}\"", StringComparison.Ordinal), "the new address is published", () => Node.Agent.LogText);
        TestContext.Current.TestOutputHelper?.WriteLine($"published after at most {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");
        await RecoversAsync("the address was replaced");

        Assert.Equal(subnet, Node.LeaseName);
        Assert.Equal(2, Etcd.Leases().Count);
        Assert.Equal(0, Node.Agent.Count("192.168.64.9"));
        Assert.False(Node.Agent.HasExited);
    }

    [Fact]
    public async Task K2_an_address_given_by_flag_is_kept_and_the_sockets_are_bound_anew()
    {
        await StartBothAsync("--public-ip=192.168.64.1");
        Node.Announce("underlay address 192.168.64.1 is gone", "the address of the underlay is");

        Node.Host.Namespace.Ip($"address add {Changed}/24 dev eth0", "address delete 192.168.64.1/24 dev eth0", $"address replace {Changed}/24 dev eth0");
        await Eventually.TrueAsync(() => Node.Host.Namespace.Must("ss", "-lun").Contains($"{Changed}:8472", StringComparison.Ordinal), "the port is bound at the new address", () => Node.Agent.LogText);

        Assert.Contains("\"PublicIP\":\"192.168.64.1\"", Node.LeaseValue, StringComparison.Ordinal);
        Assert.False(Node.Agent.HasExited);
    }

    [Fact]
    public async Task K2_a_card_that_is_renamed_or_made_anew_under_the_same_address_changes_nothing()
    {
        await StartBothAsync();
        string value = Node.LeaseValue;
        NetworkNamespace space = Node.Host.Namespace;

        space.Ip("link set eth0 down", "link set eth0 name lan0", "link set lan0 up");
        await RecoversAsync("the card was renamed");
        // Another card, another index. The switch's end goes with the card.
        space.Ip("link delete lan0");
        Underlay.PlugIn(Node.Host);
        await RecoversAsync("the card was replaced");

        Assert.Equal(value, Node.LeaseValue);
        Assert.False(Node.Agent.HasExited);
    }

    [Fact]
    public async Task H4_the_overlay_follows_the_mtu_of_the_card()
    {
        await StartBothAsync();
        Node.AnnounceDrops("Family");   // the first packet of IPv6, which comes back with an MTU above 1280 and is switched off again
        Node.Announce("MTU of the overlay", "has MTU", "overlay device mended");
        _peer.Announce("MTU of the overlay", "has MTU", "overlay device mended");

        Node.Host.Namespace.Ip("link set eth0 mtu 1400");
        await FollowsAsync(1350);
        await RecoversAsync("the MTU fell");
        Assert.True(Node.Agent.Count("running containers and docker0 keep theirs") > 0, Node.Agent.LogText);

        Node.Host.Namespace.Ip("link set eth0 mtu 100");
        await FollowsAsync(68);
        Assert.Equal(1, Node.Agent.Count("too small for any overlay"));

        Node.Host.Namespace.Ip("link set eth0 mtu 1500");
        await FollowsAsync(1450);
        await RecoversAsync("the MTU rose");
    }

    private Task FollowsAsync(int mtu) => Eventually.TrueAsync(
        () => Node.File.Mtu == mtu && Node.Host.Namespace.Must("ip", "link", "show", "flannel.1").Contains($" mtu {mtu} ", StringComparison.Ordinal),
        $"device and subnet.env have MTU {mtu}", () => Node.Agent.LogText);

    private async Task RecoversAsync(string what)
    {
        long start = Stopwatch.GetTimestamp();
        await Ping.UntilAnsweredAsync(_near.Namespace, _far.Address);
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: peer reached after at most {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F0} ms");
    }

    private async Task StartBothAsync(params string[] flags)
    {
        _peer = CreateOther();
        foreach (AgentNode node in (AgentNode[])[Node, _peer])
        {
            node.AnnounceDrops("NoRoute", "UnknownVtep", "SendRejected", "TooBig");
            node.Announce("lost contact while following", "cannot keep the lease", "peers are not reached meanwhile");
            await node.StartReadyAsync(node == Node ? flags : []);
            Pod.CreateBridge(node.Host, node.File);
        }
        _near = Pod.Create(Underlay, Node.Host, Node.File);
        _far = Pod.Create(Underlay, _peer.Host, _peer.File);
        await Ping.UntilAnsweredAsync(_near.Namespace, _far.Address);
    }
}
