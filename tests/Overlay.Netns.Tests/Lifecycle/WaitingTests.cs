using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>What the agent waits for, without end, and what it says meanwhile to log, systemd and health checks.</summary>
public sealed class WaitingTests : LifecycleTest
{
    private protected override bool StartsEtcd => false;

    [Fact]
    public async Task C1_it_waits_for_etcd_and_starts_when_it_is_there()
    {
        Node.Announce("no connection to", "waiting for a network config");
        using Supervisor supervisor = new(Underlay.Folder);
        AgentProcess agent = Node.StartWith(supervisor.Environment);
        await supervisor.HeardAsync($"no connection to {Etcd.Endpoint}: Connection refused");
        Assert.False(supervisor.IsReady);
        Assert.Contains($"no connection to {Etcd.Endpoint}: Connection refused", Assert.Single(agent.Trouble), StringComparison.Ordinal);
        const int SigHup = 1, SigUsr1 = 10;
        agent.Signal(SigUsr1);   // nothing to report yet, and no reason to end
        agent.Signal(SigHup);
        await agent.LoggedAsync("SIGHUP: there is nothing to reload");

        await Etcd.StartAsync();
        await supervisor.HeardAsync("there is no network config in etcd");
        Assert.False(supervisor.IsReady);
        Etcd.PutConfig();
        await supervisor.HeardAsync("READY=1");
        Assert.Equal("FLANNEL_NETWORK=10.1.0.0/16", File.ReadAllLines(Node.SubnetFilePath)[0]);
    }

    [Theory]
    [InlineData("{ not JSON", "JSON")]
    [InlineData("""{ "Network": "10.1.0.0/16", "SubnetLen": 31 }""", "SubnetLen")]
    [InlineData("""{ "Network": "10.1.0.0/16", "Backend": { "Type": "wireguard" } }""", "wireguard")]
    public async Task C23_it_waits_for_a_config_that_it_can_use(string broken, string reason)
    {
        Node.Announce("waiting for a network config");
        await Etcd.StartAsync();
        Etcd.PutConfig(broken);
        AgentProcess agent = Node.Start();
        await agent.LoggedAsync("waiting for a network config: ");
        Assert.Contains(reason, Assert.Single(agent.Trouble), StringComparison.Ordinal);
        Assert.Empty(Etcd.Leases());

        Etcd.PutConfig();
        await agent.ReadyAsync();
    }

    // The file cannot be written for as long as its folder's name belongs to a file.
    [Fact]
    public async Task J2_it_is_ready_only_when_subnet_env_is_written()
    {
        Node.Announce("cannot be written");
        await Etcd.StartAsync();
        Etcd.PutConfig();
        string folder = Path.Combine(Node.Folder, "run"), file = Path.Combine(folder, "subnet.env");
        await File.WriteAllTextAsync(folder, "in the way", TestContext.Current.CancellationToken);
        using Supervisor supervisor = new(Underlay.Folder);
        AgentProcess agent = Node.StartWith(supervisor.Environment, $"--subnet-file={file}");
        await supervisor.HeardAsync($"STATUS=waiting: {file} cannot be written");
        Assert.False(supervisor.IsReady);
        Assert.Single(Etcd.Leases());

        File.Delete(folder);
        await supervisor.HeardAsync("READY=1");
        Assert.StartsWith("FLANNEL_NETWORK=", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), StringComparison.Ordinal);

        Assert.Equal(0, await agent.StopAsync());
        await supervisor.HeardAsync("STOPPING=1");
    }

    [Fact]
    public async Task Health_checks_tell_running_from_ready()
    {
        await Etcd.StartAsync();
        Node.Announce("waiting for a network config");
        AgentProcess agent = Node.Start($"--healthz-ip={Node.Host.Address}", "--healthz-port=8080");
        await agent.LoggedAsync("health checks are served on");
        Assert.Equal((200, "flanneld is running"), await Http.GetAsync(Node.Host, 8080, "/healthz"));
        Assert.Equal((503, "flanneld is not ready yet"), await Http.GetAsync(Node.Host, 8080, "/readyz"));

        Etcd.PutConfig();
        await agent.ReadyAsync();
        Assert.Equal((200, "flanneld is ready"), await Http.GetAsync(Node.Host, 8080, "/readyz"));
    }
}
