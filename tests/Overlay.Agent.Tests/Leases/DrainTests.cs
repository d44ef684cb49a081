using System.Net;
using Overlay.Agent.Cli.Verbs.Catalog;
using Overlay.Agent.Files;
using Overlay.Agent.State;
using Overlay.Agent.Tests.Support;
using Overlay.Subnet.Store;

namespace Overlay.Agent.Tests.Leases;

/// <summary><c>leases release</c> of this very node, against a real etcd.</summary>
public sealed class DrainTests(EtcdOfTests etcd) : IClassFixture<EtcdOfTests>, IDisposable
{
    private static readonly IPNetwork Network = IPNetwork.Parse("10.1.0.0/16"), Ours = IPNetwork.Parse("10.1.5.0/24");

    private readonly TempFolder _folder = new();
    private readonly AgentState _state = AgentState.CreateNew() with { Network = Network, Subnet = Ours };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_node_is_drained_with_all_that_names_its_subnet_and_keeps_its_identity()
    {
        using EtcdNetwork network = await StartAsync();
        long id = await network.LeaseAsync("10.1.5.0-24", "192.168.0.5", _state.NodeId);
        await network.LeaseAsync("10.1.6.0-24", "192.168.0.6");
        VerbRun run = await DrainAsync(network, "--yes");
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("released 10.1.5.0/24", run.Out);
        Assert.Contains("overlay-agent cleanup", run.Error);
        Assert.Equal("subnets/10.1.6.0-24", Assert.Single((await network.Store.ReadAsync(StorePaths.Subnets, TestContext.Current.CancellationToken)).Records).Path);
        Assert.Null(await network.Store.LifeAsync(id, TestContext.Current.CancellationToken));
        Assert.Equal(_state with { Subnet = null }, new StateFile(_folder.Path).Load().State);
        Assert.False(File.Exists(_folder.File("subnet.env")));
        Assert.False(File.Exists(_folder.File("docker.env")));
    }

    [Fact]
    public async Task A_running_agent_is_not_drained()
    {
        using EtcdNetwork network = await StartAsync();
        await network.LeaseAsync("10.1.5.0-24", "192.168.0.5", _state.NodeId);
        Assert.True(InstanceLock.TryAcquire(_folder.Path, out InstanceLock? held, out _));
        using (held)
        {
            VerbRun run = await DrainAsync(network, "--yes");
            Assert.Equal(1, run.Code);
            Assert.Contains("systemctl disable --now overlay-agent", run.Error);
        }
        Assert.NotNull(await network.GetAsync("subnets/10.1.5.0-24"));
    }

    [Fact]
    public async Task Another_nodes_lease_on_the_subnet_of_the_state_file_and_a_reservation_stay()
    {
        using EtcdNetwork network = await StartAsync();
        await network.LeaseAsync("10.1.5.0-24", "192.168.0.9", "another");
        await network.PutAsync("subnets/10.1.8.0-24", $$"""{"PublicIP":"192.168.0.5","PublicIPv6":null,"NodeID":"{{_state.NodeId}}"}""");
        VerbRun run = await DrainAsync(network, "--yes");
        Assert.Equal(0, run.Code);
        Assert.Contains("no lease of this node", run.Out);
        Assert.Contains("0 released, or --dry-run, or this node holds nothing;", LeaseVerbs.Release.Details, StringComparison.Ordinal);
        Assert.Contains("10.1.8.0/24 is reserved for this node and stays so", run.Error);
        Assert.NotNull(await network.GetAsync("subnets/10.1.5.0-24"));
        Assert.NotNull(await network.GetAsync("subnets/10.1.8.0-24"));
    }

    [Theory]
    [InlineData("--dry-run", 0)]
    [InlineData("--yes=false", 1)]
    public async Task Nothing_is_changed_without_leave(string flag, int code)
    {
        using EtcdNetwork network = await StartAsync();
        long id = await network.LeaseAsync("10.1.5.0-24", "192.168.0.5", _state.NodeId);
        Assert.Equal(code, (await DrainAsync(network, flag)).Code);
        Assert.Equal(id, (await network.GetAsync("subnets/10.1.5.0-24"))!.EtcdLeaseId);
        Assert.Equal(_state, new StateFile(_folder.Path).Load().State);
        Assert.True(File.Exists(_folder.File("subnet.env")));
    }

    [Fact]
    public async Task Where_no_agent_has_run_no_folder_is_made()
    {
        VerbRun run = await VerbRun.OfAsync(["leases", "release", "--yes", $"--state-dir={_folder.File("none")}"]);
        Assert.Equal(1, run.Code);
        Assert.False(Directory.Exists(_folder.File("none")));
    }

    private async Task<EtcdNetwork> StartAsync()
    {
        EtcdNetwork network = etcd.NewNetwork();
        await network.PutAsync(StorePaths.Config, """{"Network":"10.1.0.0/16"}""");
        Assert.True(new StateFile(_folder.Path).TrySave(_state, out _));
        Assert.True(SubnetEnvFile.TryWrite(_folder.File("subnet.env"), new SubnetEnv(Network, Ours, 1450, false), out _));
        await File.WriteAllTextAsync(_folder.File("docker.env"), "DOCKER_OPTS=\"\"\n", TestContext.Current.CancellationToken);
        return network;
    }

    private Task<VerbRun> DrainAsync(EtcdNetwork network, string flag) => network.RunAsync(
        "leases", "release", flag, $"--state-dir={_folder.Path}", $"--subnet-file={_folder.File("subnet.env")}", $"--docker-opts-file={_folder.File("docker.env")}");
}
