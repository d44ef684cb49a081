using System.Net;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>An etcd that is known by its name.</summary>
public sealed class NameTests : LifecycleTest
{
    // The name stands in a hosts file of the agent's own, which is written over in place.
    [Fact]
    public async Task C7_an_etcd_whose_name_gets_another_address_is_found_there()
    {
        string hosts = Path.Combine(Node.Folder, "hosts");
        await File.WriteAllTextAsync(hosts, $"{new Uri(Etcd.Endpoint).Host} etcd.test\n", TestContext.Current.CancellationToken);
        AgentProcess agent = Node.StartThrough(["unshare", "--mount", "sh", "-c", "mount --bind $0 /etc/hosts && exec \"$@\"", hosts], "--etcd-endpoints=http://etcd.test:2379");
        await agent.ReadyAsync();
        (string name, string value) = Assert.Single(Etcd.Leases());
        Node.Announce("lost contact while following", "cannot keep the lease of", "writing it again");

        IPAddress moved = IPAddress.Parse("192.168.64.251");
        await Etcd.MoveAsync(moved);
        await File.WriteAllTextAsync(hosts, $"{moved} etcd.test\n", TestContext.Current.CancellationToken);
        await agent.LoggedAsync("following subnets/ again");

        Etcd.DeleteLease(name);
        await Eventually.TrueAsync(() => Etcd.Leases().GetValueOrDefault(name) == value, "the key is written again", () => agent.LogText);
    }
}
