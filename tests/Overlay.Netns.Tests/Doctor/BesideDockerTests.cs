using Overlay.Netns.Tests.Docker;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Doctor;

/// <summary>The doctor on a node with a real Docker: well as long as it is, and every flag of Docker that is wrong is named.</summary>
public sealed class BesideDockerTests
{
    private static readonly string[] OfDocker = ["docker.daemon", "docker.flags", "docker.order", "docker.bridge", "docker.bip", "mtu.docker0", "mtu.containers", "firewall.forward", "firewall.masquerade"];

    [Fact]
    public async Task A_node_is_well_before_and_after_its_first_container_and_each_wrong_mtu_is_named_and_mended()
    {
        await using TwoNodeTopology topology = await StartAsync(DockerPair.FlagsOf);
        AgentNode node = (AgentNode)topology.Left;
        DockerDaemon docker = await DockerDaemon.StartAsync(topology.Underlay, node.Host, node.DockerOptionsPath, DockerDaemon.CreateImage(topology.Underlay.Folder));

        DoctorReport before = DoctorReport.Of(node.Host);
        Assert.Empty(before.With("FAIL"));
        foreach (string id in OfDocker) before.AssertWell(id);
        foreach (string id in (string[])["docker.daemon", "docker.flags", "docker.bridge", "firewall.forward", "firewall.masquerade"]) before.AssertNames("OK", id, "");

        docker.Run("first");
        DoctorReport after = DoctorReport.Of(node.Host);
        Assert.Empty(after.With("FAIL"));
        after.AssertNames("OK", "mtu.docker0", "docker0 1450, overlay 1450");
        after.AssertNames("OK", "mtu.containers", "1 links of containers, at both ends, none over 1450");

        string process = docker.IdentityOf("first").Trim().Split(' ')[^1];
        node.Host.Namespace.Must("ip", "link", "set", "docker0", "mtu", "1500");
        Tool.Must("nsenter", ["-t", process, "-n", "ip", "link", "set", "eth0", "mtu", "1500"]);
        DoctorReport broken = DoctorReport.Of(node.Host);
        broken.AssertNames("FAIL", "mtu.docker0", "docker0 1500, overlay 1450");
        broken.AssertNames("FAIL", "mtu.containers", "eth0 1500 inside of the container (process ");
        DoctorReport mended = broken.Mended(node.Host, "mtu.docker0", "mtu.containers");
        Assert.Empty(mended.With("FAIL"));
        mended.AssertNames("OK", "mtu.containers", "at both ends");
    }

    [Fact]
    public async Task K5_each_flag_that_differs_from_subnet_env_is_named_and_Dockers_forward_drop_is_mended_by_the_rules_printed()
    {
        // The agent neither opens FORWARD nor masquerades: both are left to Docker.
        await using TwoNodeTopology topology = await StartAsync(node => [$"--docker-opts-file={node.DockerOptionsPath}"]);
        AgentNode node = (AgentNode)topology.Left;
        node.Announce("Docker: ");
        string options = Path.Combine(node.Folder, "other.env"), bip = $"{node.File.Gateway}/24";
        Give($"--bip={bip} --mtu=1400 --ip-masq=false");
        DockerDaemon docker = await DockerDaemon.StartAsync(topology.Underlay, node.Host, options, DockerDaemon.CreateImage(topology.Underlay.Folder));

        DoctorReport report = DoctorReport.Of(node.Host);
        report.AssertNames("WARN", "docker.flags", "dockerd --mtu is 1400 where the overlay carries 1450");
        report.AssertNames("WARN", "docker.flags", "dockerd --ip-masq is off and so is the agent's");
        report.AssertNames("FAIL", "firewall.masquerade", "nobody masquerades");
        report.AssertNames("FAIL", "firewall.forward", "is dropped by the policy DROP of FORWARD");
        report.Mended(node.Host, "firewall.forward").AssertWell("firewall.forward");

        Give("--bip=172.31.99.1/24 --mtu=1500 --ip-masq=true");
        await docker.RestartAsync();
        report = DoctorReport.Of(node.Host);
        report.AssertNames("FAIL", "docker.flags", $"dockerd --bip is 172.31.99.1/24 where this node's subnet is {bip}");
        report.AssertNames("FAIL", "docker.flags", "dockerd --mtu is 1500 where the overlay carries 1450");
        report.AssertNames("FAIL", "docker.bridge", "docker0 has 172.31.99.1/24");

        Give("--ip-masq=true");
        node.Host.Namespace.Must("ip", "link", "delete", "docker0");
        await docker.RestartAsync();
        report = DoctorReport.Of(node.Host);
        report.AssertNames("FAIL", "docker.flags", "dockerd --bip is not given");
        report.AssertNames("FAIL", "docker.flags", "dockerd --mtu is not given, so containers get 1500");

        void Give(string flags) => File.WriteAllText(options, $"DOCKER_OPTS=\"{flags}\"\n");
    }

    private static async Task<TwoNodeTopology> StartAsync(Func<AgentNode, IEnumerable<string>> flags)
    {
        Privilege.Require();
        string[] missing = [.. new[] { "dockerd", "docker", "busybox", "iptables", "nsenter" }.Where(tool => !Privilege.IsInstalled(tool))];
        Assert.SkipWhen(missing.Length > 0, $"not installed: {string.Join(", ", missing)} (apt-get install docker.io busybox-static)");
        TwoNodeTopology topology = await TwoNodeTopology.StartAsync(NodeKind.Ours, NodeKind.Ours, UnderlayProfile.Full, withPods: false, flags);
        // The probes of the doctor meet the first.
        foreach (IOverlayNode node in new[] { topology.Left, topology.Right })
        {
            ((AgentNode)node).AnnounceDrops("ShortOuter", "TooBig");
            ((AgentNode)node).Announce("forwarding is off");   // until dockerd switches it on
        }
        return topology;
    }
}
