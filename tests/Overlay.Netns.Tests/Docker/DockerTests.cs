using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Docker;

/// <summary>Docker on two nodes, started with what each subnet.env says: the purpose of the whole.</summary>
public sealed class DockerTests
{
    [Theory]
    [InlineData(NodeKind.Ours, NodeKind.Ours)]
    [InlineData(NodeKind.Ours, NodeKind.Kernel)]
    public async Task Containers_reach_each_other_at_full_mtu_and_transfers_arrive_intact(NodeKind left, NodeKind right)
    {
        Privilege.Require();
        string[] missing = [.. new[] { "dockerd", "docker", "busybox", "iptables", "nsenter" }.Where(tool => !Privilege.IsInstalled(tool))];
        Assert.SkipWhen(missing.Length > 0, $"not installed: {string.Join(", ", missing)} (apt-get install docker.io busybox-static)");
        await using TwoNodeTopology topology = await TwoNodeTopology.StartAsync(left, right, UnderlayProfile.Full, withPods: false);
        string image = DockerDaemon.CreateImage(topology.Underlay.Folder);
        DockerDaemon near = await DockerDaemon.StartAsync(topology.Underlay, topology.Left, image);
        DockerDaemon far = await DockerDaemon.StartAsync(topology.Underlay, topology.Right, image);
        string nearAddress = near.Run("near"), farAddress = far.Run("far");
        Assert.Equal($"{topology.Left.File.AddressOf(2)}", nearAddress);
        Assert.Equal($"{topology.Right.File.AddressOf(2)}", farAddress);
        Assert.Contains(" mtu 1450 ", near.Exec("near", "ip link show eth0").Output, StringComparison.Ordinal);

        await Eventually.TrueAsync(() => near.Exec("near", $"ping -c 1 -W 1 {farAddress}").ExitCode == 0, "the containers know each other");
        Assert.Contains(" 0% packet loss", near.PingWhole("near", farAddress), StringComparison.Ordinal);
        Assert.Contains(" 0% packet loss", far.PingWhole("far", nearAddress), StringComparison.Ordinal);

        await TransferAsync(near, "near", far, "far", farAddress);
        await TransferAsync(far, "far", near, "near", nearAddress);
    }

    private static async Task TransferAsync(DockerDaemon from, string sender, DockerDaemon to, string receiver, string address)
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        byte[] payload = Payload.Create(32 << 20, seed: 7);
        await File.WriteAllBytesAsync(from.Shared("sent"), payload, cancel);
        // The listener's input stays open: at its end busybox's nc would close its half, and the sender would then stop half-way.
        const string Listen = "mkfifo /tmp/open && exec 3<>/tmp/open && nc -l -p 7000 <&3 > /shared/received";
        Task<(int ExitCode, string Output)> listening = Task.Run(() => to.Exec(receiver, Listen), cancel);
        await Eventually.TrueAsync(() => from.Exec(sender, $"nc {address} 7000 < /shared/sent").ExitCode == 0, "the transfer is taken");
        (int exitCode, string output) = await listening;
        Assert.True(exitCode == 0, output);
        byte[] received = await File.ReadAllBytesAsync(to.Shared("received"), cancel);
        Assert.Equal(payload.Length, received.Length);
        Assert.Equal(Payload.Hash(payload), Payload.Hash(received));
    }
}
