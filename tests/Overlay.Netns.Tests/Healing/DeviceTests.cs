using System.Diagnostics;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Healing;

/// <summary>What somebody else does to the overlay's device and address, and how it is undone (FAULTS K3, R15).</summary>
public sealed class DeviceTests(HealingFixture overlay) : IClassFixture<HealingFixture>
{
    [Theory]
    [InlineData("deleted", "link delete flannel.1")]
    [InlineData("set down", "link set flannel.1 down")]
    [InlineData("renamed", "link set flannel.1 name other7")]
    [InlineData("another MTU", "link set flannel.1 mtu 1300")]
    [InlineData("no queue", "link set flannel.1 txqueuelen 0")]
    [InlineData("no address", "address flush dev flannel.1")]
    [InlineData("a second address of the overlay", "address add 10.1.200.1/24 dev flannel.1")]
    public async Task K3_the_device_comes_back(string what, string command)
    {
        string shape = overlay.Shape();
        (FlowCounts before, _) = await overlay.Node.Agent.CountsAsync();

        long broken = Stopwatch.GetTimestamp();
        overlay.Node.Host.Namespace.Ip(command);
        await overlay.HealsAsync(shape, broken);

        // The answer to a packet may be here before the loop has counted it as delivered.
        await Eventually.TrueAsync(async () =>
        {
            (FlowCounts after, _) = await overlay.Node.Agent.CountsAsync();
            Assert.True(after.Received >= before.Received && after.Delivered >= before.Delivered, $"{what}: the counts went back from {before} to {after}");
            return after.Received > before.Received && after.Delivered > before.Delivered;
        }, "the counts go on", () => overlay.Node.Agent.LogText);
    }

    // Packets pass with any of these, so they are his.
    [Fact]
    public async Task K3_what_an_operator_tunes_stays_while_the_rest_comes_back()
    {
        NetworkNamespace space = overlay.Node.Host.Namespace;
        space.Ip("link set flannel.1 txqueuelen 2000 gso_max_size 9000");
        string shape = overlay.Shape();
        Assert.Contains("gso_max_size 9000", shape, StringComparison.Ordinal);
        Assert.Contains("qlen 2000", shape, StringComparison.Ordinal);

        long broken = Stopwatch.GetTimestamp();
        space.Ip("link set flannel.1 mtu 1300");

        await overlay.HealsAsync(shape, broken);
        space.Ip("link set flannel.1 txqueuelen 500 gso_max_size 65536");
    }

    [Fact]
    public async Task K3_a_device_moved_to_another_namespace_comes_back_and_is_not_left_there()
    {
        NetworkNamespace elsewhere = overlay.Underlay.CreateNamespace("elsewhere");
        string shape = overlay.Shape();

        long broken = Stopwatch.GetTimestamp();
        overlay.Node.Host.Namespace.Ip($"link set flannel.1 netns {elsewhere.Name}");
        await overlay.HealsAsync(shape, broken);

        Assert.NotEqual(0, elsewhere.Run("ip", "link", "show", "flannel.1").ExitCode);
    }

    [Fact]
    public async Task K3_a_device_whose_name_is_taken_comes_back_when_the_name_is_free()
    {
        overlay.Node.Announce("overlay device cannot be mended");
        string shape = overlay.Shape();

        // Two calls to the kernel with nothing between them: the agent is quick.
        overlay.Node.Host.Namespace.Ip("link add thief type bridge");
        overlay.Node.Host.Namespace.Ip("link set flannel.1 name other7", "link set thief name flannel.1");
        await overlay.Node.Agent.LoggedAsync("overlay device cannot be mended");
        long broken = Stopwatch.GetTimestamp();
        overlay.Node.Host.Namespace.Ip("link delete flannel.1");

        await overlay.HealsAsync(shape, broken);
    }
}
