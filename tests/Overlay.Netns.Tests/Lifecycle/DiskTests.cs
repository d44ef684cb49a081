using Overlay.Netns.Tests.Nodes;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>A restart on a disk that takes nothing any more.</summary>
public sealed class DiskTests : LifecycleTest
{
    // Each in a mount namespace of the agent's own.
    [Theory]
    [InlineData("mount --bind $0 $0 && mount -o remount,bind,ro $0")]
    [InlineData("cp -a $0 $0.full && mount -t tmpfs -o size=64k none $0 && cp -a $0.full/. $0 && ! cat /dev/zero 2>/dev/null >$0/junk")]
    public async Task J2_on_a_disk_that_is_read_only_or_full_the_node_starts_with_what_it_has_saved(string damage)
    {
        await Node.StartReadyAsync();
        (string name, string value) = (Node.LeaseName, Node.LeaseValue);
        Assert.Equal(0, await Node.Agent.StopAsync());
        Node.Announce("state cannot be saved in", "what etcd says cannot be saved in");

        AgentProcess agent = Node.StartThrough("unshare", "--mount", "sh", "-c", $"{damage} && exec \"$@\"", Node.StatePath);

        await agent.ReadyAsync();
        await agent.LoggedAsync("this node's identity stands there");
        Assert.Equal(KeyValuePair.Create(name, value), Assert.Single(Etcd.Leases()));
    }
}
