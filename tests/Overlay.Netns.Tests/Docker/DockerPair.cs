using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Docker;

/// <summary>
/// Two nodes, each with a Docker that was started with what the agent wrote for it, and a container on each, named as its node. Nobody
/// but agent and Docker makes any rule on a node of ours.
/// </summary>
internal sealed class DockerPair : IAsyncDisposable
{
    private DockerPair(TwoNodeTopology topology) => Topology = topology;

    public TwoNodeTopology Topology { get; }

    public DockerDaemon Left { get; private set; } = null!;

    public DockerDaemon Right { get; private set; } = null!;

    /// <summary>Address of the container "left".</summary>
    public string LeftAddress { get; private set; } = "";

    /// <summary>Address of the container "right".</summary>
    public string RightAddress { get; private set; } = "";

    /// <summary>Flags of the agents here: as flannel is run with Docker, which then does not masquerade.</summary>
    public static IEnumerable<string> FlagsOf(AgentNode node) =>
        ["--iptables-forward-rules", "--ip-masq", "--iptables-resync=1", $"--docker-opts-file={node.DockerOptionsPath}"];

    /// <summary>Builds it, up to the first ping between the containers. Port 8080 of the right node is its container's.</summary>
    public static async Task<DockerPair> StartAsync(NodeKind left, NodeKind right)
    {
        Privilege.Require();
        string[] missing = [.. new[] { "dockerd", "docker", "busybox", "iptables", "nsenter" }.Where(tool => !Privilege.IsInstalled(tool))];
        Assert.SkipWhen(missing.Length > 0, $"not installed: {string.Join(", ", missing)} (apt-get install docker.io busybox-static)");
        DockerPair pair = new(await TwoNodeTopology.StartAsync(left, right, UnderlayProfile.Full, withPods: false, FlagsOf));
        try
        {
            string image = DockerDaemon.CreateImage(pair.Topology.Underlay.Folder);
            DockerDaemon[] daemons = await Task.WhenAll(pair.StartDockerAsync(pair.Topology.Left, image), pair.StartDockerAsync(pair.Topology.Right, image));
            (pair.Left, pair.Right) = (daemons[0], daemons[1]);
            pair.LeftAddress = pair.Left.Run("left");
            pair.RightAddress = pair.Right.Run("right", "--publish", "8080:80");
            await pair.ConnectedAsync("the containers know each other");
            return pair;
        }
        catch
        {
            await pair.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until the left container gets an answer from the right one.</summary>
    public Task ConnectedAsync(string what) => Eventually.TrueAsync(() => Left.Exec("left", $"ping -c 1 -W 1 {RightAddress}").ExitCode == 0, what);

    /// <summary>Pings of full size with DF pass in both directions.</summary>
    public void AssertPingsWhole()
    {
        Assert.Contains(" 0% packet loss", Left.PingWhole("left", RightAddress), StringComparison.Ordinal);
        Assert.Contains(" 0% packet loss", Right.PingWhole("right", LeftAddress), StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Topology.DisposeAsync();

    private async Task<DockerDaemon> StartDockerAsync(IOverlayNode node, string image)
    {
        (node as AgentNode)?.Announce("forwarding is off on");   // until Docker switches it on
        string optionsFile = node is AgentNode ours ? ours.DockerOptionsPath : PrepareFlannelNode(node);
        DockerDaemon daemon = await DockerDaemon.StartAsync(Topology.Underlay, node.Host, optionsFile, image);
        Assert.Contains("-P FORWARD DROP", node.Host.Namespace.Must("iptables", "-S", "FORWARD"), StringComparison.Ordinal);
        Assert.Contains($" {node.File.Gateway}/{node.File.PrefixLength} ", node.Host.Namespace.Must("ip", "-o", "address", "show", "docker0"), StringComparison.Ordinal);
        return daemon;
    }

    // What flanneld and its mk-docker-opts.sh do there.
    private string PrepareFlannelNode(IOverlayNode node)
    {
        string folder = Directory.CreateDirectory(Path.Combine(Topology.Underlay.Folder, node.Host.Name)).FullName;
        string env = Path.Combine(folder, "subnet.env"), options = Path.Combine(folder, "docker_opts.env");
        SubnetFile file = node.File;
        File.WriteAllText(env, $"FLANNEL_NETWORK={file.Network}\nFLANNEL_SUBNET={file.Gateway}/{file.PrefixLength}\nFLANNEL_MTU={file.Mtu}\nFLANNEL_IPMASQ=true\n");
        Tool.Must(AgentProcess.Binary, ["mk-docker-opts", "-f", env, "-d", options]);
        foreach (string direction in new[] { "-s", "-d" }) node.Host.Namespace.Must("iptables", "-A", "FORWARD", direction, $"{file.Network}", "-j", "ACCEPT");
        return options;
    }
}
