using System.Diagnostics;
using System.Globalization;
using Overlay.Netns.Tests.Firewall;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Docker;

/// <summary>Docker on two nodes, started with what each agent wrote for it: the purpose of the whole.</summary>
public sealed class DockerTests
{
    private const int Gibibyte = 64;   // blocks of 16 MiB

    [Fact]
    public async Task Containers_ping_and_transfer_at_full_mtu_and_published_ports_are_reached_from_everywhere()
    {
        await using DockerPair pair = await DockerPair.StartAsync(NodeKind.Ours, NodeKind.Ours);
        (Host left, Host right) = (pair.Topology.Left.Host, pair.Topology.Right.Host);
        Assert.Equal($"{pair.Topology.Left.File.AddressOf(2)}", pair.LeftAddress);
        Assert.Equal($"{pair.Topology.Right.File.AddressOf(2)}", pair.RightAddress);
        Assert.Contains(" mtu 1450 ", pair.Left.Exec("left", "ip link show eth0").Output, StringComparison.Ordinal);
        pair.AssertPingsWhole();

        await MeasureAsync("1 GiB", () => ContainerTransfer.RunAsync(pair.Left, "left", pair.Right, "right", pair.RightAddress, Gibibyte));

        // Who asks is seen by his own address within the overlay, and by his node's where he leaves it.
        Host outside = pair.Topology.Underlay.Attach("outside", 50);
        string published = $"{right.Address}:8080";
        await AnswerAsync(pair.LeftAddress, () => pair.Left.Who("left", $"{pair.RightAddress}:80"));
        await AnswerAsync($"{left.Address}", () => pair.Left.Who("left", published));
        await AnswerAsync($"{left.Address}", () => DockerDaemon.Who(left, published));
        await AnswerAsync($"{outside.Address}", () => DockerDaemon.Who(outside, published));
        await AnswerAsync($"{pair.Topology.Left.File.AddressOf(0)}", () => DockerDaemon.Who(left, $"{pair.RightAddress}:80"));
    }

    [Fact]
    public async Task K5_the_same_containers_talk_on_after_agents_end_rules_are_flushed_and_Docker_restarts()
    {
        await using DockerPair pair = await DockerPair.StartAsync(NodeKind.Ours, NodeKind.Ours);
        (AgentNode left, AgentNode right) = ((AgentNode)pair.Topology.Left, (AgentNode)pair.Topology.Right);
        (string, string) containers = Containers(), options = Options();

        // One is asked to stop, the other has no time for anything.
        Assert.Equal(0, await left.Agent.StopAsync());
        right.Agent.Signal(Tmds.Linux.LibC.SIGKILL);
        await right.Agent.ExitAsync();
        Assert.False(pair.Left.Exec("left", $"ping -c 1 -W 1 {pair.RightAddress}").ExitCode == 0);
        await left.StartReadyAsync(DockerPair.FlagsOf(left));
        await right.StartReadyAsync(DockerPair.FlagsOf(right));
        await pair.ConnectedAsync("the containers talk after the agents' restart");
        pair.AssertPingsWhole();
        Assert.Equal(options, Options());

        // FORWARD still drops, so what passes passes by rules that were put back.
        left.Announce("are put back");
        right.Announce("are put back");
        foreach (AgentNode node in new[] { left, right }) node.Host.Namespace.Must("sh", "-ec", "iptables -F; iptables -t nat -F");
        await MeasureAsync("flushed", async () =>
        {
            await StandAsync(left, right);
            await pair.ConnectedAsync("the containers talk after the flush");
        });

        await Task.WhenAll(pair.Left.RestartAsync(), pair.Right.RestartAsync());
        await StandAsync(left, right);
        pair.AssertPingsWhole();
        await AnswerAsync(pair.LeftAddress, () => pair.Left.Who("left", $"{pair.RightAddress}:80"));
        await AnswerAsync($"{left.Host.Address}", () => pair.Left.Who("left", $"{right.Host.Address}:8080"));
        Assert.Equal(containers, Containers());

        (string, string) Containers() => (pair.Left.IdentityOf("left"), pair.Right.IdentityOf("right"));
        (string, string) Options() => (File.ReadAllText(left.DockerOptionsPath), File.ReadAllText(right.DockerOptionsPath));
    }

    [Fact]
    public async Task Containers_reach_those_of_a_node_of_the_kernels_vxlan_whose_Docker_was_started_by_mk_docker_opts()
    {
        await using DockerPair pair = await DockerPair.StartAsync(NodeKind.Ours, NodeKind.Kernel);
        pair.AssertPingsWhole();

        await ContainerTransfer.RunAsync(pair.Left, "left", pair.Right, "right", pair.RightAddress, blocks: 2);
        await ContainerTransfer.RunAsync(pair.Right, "right", pair.Left, "left", pair.LeftAddress, blocks: 2);
        await AnswerAsync(pair.LeftAddress, () => pair.Left.Who("left", $"{pair.RightAddress}:80"));
        await AnswerAsync(pair.RightAddress, () => pair.Right.Who("right", $"{pair.LeftAddress}:80"));
    }

    // Asked again where there is no answer: of a program that ends at once, docker exec may lose what it printed.
    private static async Task AnswerAsync(string expected, Func<string> ask)
    {
        string answer = "";
        await Eventually.TrueAsync(() => (answer = ask()).Length > 0, "there is an answer");
        Assert.Equal(expected, answer);
    }

    // Each rule once and in its order, by the agents' doing.
    private static async Task StandAsync(params AgentNode[] nodes)
    {
        foreach (AgentNode node in nodes)
        {
            await Eventually.TrueAsync(() => Rules.Expected(node.File).SequenceEqual(Rules.Ours(node.Host)), $"the rules of {node.Host.Name} stand",
                () => Rules.Saved(node.Host));
        }
    }

    private static async Task MeasureAsync(string what, Func<Task> step)
    {
        long start = Stopwatch.GetTimestamp();
        await step();
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s"));
    }
}
