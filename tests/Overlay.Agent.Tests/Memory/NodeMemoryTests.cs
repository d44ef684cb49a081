using System.Net;
using Overlay.Agent.Configuration;
using Overlay.Agent.Memory;
using Overlay.Agent.State;
using Overlay.Agent.Tests.Forwarding;
using Overlay.Agent.Tests.State;
using Overlay.Agent.Tests.Support;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Tests.Memory;

public sealed class NodeMemoryTests : IDisposable
{
    private const string Prefix = "/coreos.com/network";

    private static readonly IPAddress Address = IPAddress.Parse("192.168.0.1");

    private static readonly OwnLease Own =
        new(SubnetKey.For(IPNetwork.Parse("10.1.1.0/24")), new LeaseAttributes { PublicIP = Address }, EtcdLeaseId: 1, ModRevision: 1);

    private readonly TempFolder _folder = new();
    private readonly LineLogger _log = new();

    public void Dispose() => _folder.Dispose();

    private string Folder => _folder.File("lib");

    private NodeMemory Load() => NodeMemory.Load(
        new AgentOptions { Etcd = new EtcdSettings { Endpoints = [], Prefix = Prefix }, StateDirectory = Folder, SubnetFile = _folder.File("subnet.env") },
        TimeProvider.System, _log);

    // What a run leaves that held 10.1.1.0/24, which Cache(n) has as this node's.
    private AgentState Leave(EtcdCache cache, Func<AgentState, AgentState>? change = null)
    {
        AgentState state = new(cache.NodeId, cache.VtepMac) { Subnet = IPNetwork.Parse("10.1.1.0/24"), EtcdLeaseId = 1, LeaseExpires = DateTimeOffset.MaxValue };
        state = change?.Invoke(state) ?? state;
        Assert.True(new StateFile(Folder).TrySave(state, out _));
        Assert.True(new CacheFile(Folder).TrySave(cache, out _));
        return state;
    }

    [Fact]
    public void A_cache_of_this_node_prefix_and_address_is_used()
    {
        Leave(CacheFileTests.Cache(3));
        NodeMemory memory = Load();
        Assert.Equal(3, memory.CacheFor(Prefix, Address)!.Leases.Leases.Count);
        OwnLease lease = memory.EarlierLease(new LeaseAttributes { PublicIP = Address });
        Assert.Equal((IPNetwork.Parse("10.1.1.0/24"), 1, 0), (lease.Subnet, lease.EtcdLeaseId, lease.ModRevision));
        Assert.True(memory.EarlierLeaseLeft > TimeSpan.FromDays(1));
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public void A_cache_of_another_network_prefix_address_or_node_is_not_used()
    {
        EtcdCache cache = CacheFileTests.Cache(3);
        Leave(cache);
        Assert.Null(Load().CacheFor("/other", Address));
        Assert.Null(Load().CacheFor(Prefix, IPAddress.Parse("192.168.0.2")));
        Leave(cache, state => state with { Subnet = IPNetwork.Parse("10.1.1.0/25") });
        Assert.Null(Load().CacheFor(Prefix, Address));
        Leave(cache, state => state with { Subnet = IPNetwork.Parse("11.1.1.0/24") });
        Assert.Null(Load().CacheFor(Prefix, Address));
        Leave(cache, state => state with { EtcdLeaseId = null });
        Assert.Null(Load().CacheFor(Prefix, Address));
        Leave(cache, state => state with { NodeId = new string('c', 32) });
        Assert.Null(Load().CacheFor(Prefix, Address));
        Assert.Equal(6, _log.Lines.Count(line => line.StartsWith("the saved answers of etcd are not used: ", StringComparison.Ordinal)));
    }

    [Fact]
    public void C2_C5_a_node_that_lost_its_subnet_and_found_no_other_does_not_start_with_it_without_etcd()
    {
        EtcdCache cache = CacheFileTests.Cache(3);
        IPNetwork subnet = IPNetwork.Parse("10.1.1.0/24");
        Lease own = cache.Leases.Leases[subnet], others = own with { Attributes = own.Attributes with { PublicIP = IPAddress.Parse("192.168.7.7"), NodeId = null } };
        Leave(cache with { Leases = LeaseTable.Build(cache.Leases.Revision, [.. cache.Leases.Leases.Values.Where(lease => lease != own), others], Address) });
        Assert.Null(Load().CacheFor(Prefix, Address));
        Assert.Contains("10.1.1.0/24 was taken by 192.168.7.7", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public void C31_a_state_that_is_older_than_subnet_env_is_not_started_from()
    {
        // Killed right after it moved: with the subnet of before, this node would have two keys.
        Leave(CacheFileTests.Cache(3));
        File.WriteAllText(_folder.File("subnet.env"), "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.1.1/24\n");
        Assert.NotNull(Load().CacheFor(Prefix, Address));
        File.WriteAllText(_folder.File("subnet.env"), "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.9.1/24\n");
        Assert.Null(Load().CacheFor(Prefix, Address));
        File.WriteAllText(_folder.File("subnet.env"), "FLANNEL_NETWORK=172.16.0.0/16\nFLANNEL_SUBNET=172.16.9.1/24\n"); // of another network: J1
        Assert.NotNull(Load().CacheFor(Prefix, Address));
    }

    [Fact]
    public void C6_a_lease_that_has_run_out_is_used_and_known_to_have_run_out()
    {
        Leave(CacheFileTests.Cache(3), state => state with { LeaseExpires = DateTimeOffset.UnixEpoch });
        NodeMemory memory = Load();
        Assert.NotNull(memory.CacheFor(Prefix, Address));
        Assert.True(memory.EarlierLeaseLeft < TimeSpan.Zero);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void C30_J4_an_identity_whose_file_is_lost_or_damaged_is_taken_from_the_second_copy(bool damaged)
    {
        EtcdCache cache = CacheFileTests.Cache(2) with { NodeId = new string('b', 32) };   // the lease of 10.1.2.0 carries this id
        Leave(cache);
        if (damaged) File.WriteAllText(Path.Combine(Folder, "state.json"), "{");
        else File.Delete(Path.Combine(Folder, "state.json"));

        NodeMemory memory = Load();

        Assert.Equal((cache.NodeId, cache.VtepMac), (memory.State.NodeId, memory.State.VtepMac));
        Assert.Equal(IPNetwork.Parse("10.1.2.0/24"), memory.State.Subnet);
        Assert.NotNull(memory.CacheFor(Prefix, Address));
        memory.Begin(kernelMac: null);
        Assert.Equal(cache.NodeId, new StateFile(Folder).Load().State!.NodeId);
    }

    [Fact]
    public async Task K16_ten_thousand_changes_are_two_writes_and_the_last_one_is_not_lost()
    {
        EtcdCache cache = CacheFileTests.Cache(3);
        NodeMemory memory = Load();
        memory.Begin(kernelMac: null);
        using FileSystemWatcher watcher = new(Folder, "cache.json");
        int writes = 0;
        watcher.Renamed += (_, _) => Interlocked.Increment(ref writes);
        watcher.EnableRaisingEvents = true;
        using CancellationTokenSource stop = new();
        memory.Remember(Own, left: null);
        memory.Remember(cache.Config, cache.Leases);
        Task running = memory.RunAsync(Prefix, stop.Token);
        for (int i = 0; i < 10_000; i++)
        {
            memory.Remember(config: null, CacheFileTests.Cache(i % 2 + 1).Leases);
            if (i % 100 == 0) await Task.Yield();
        }
        memory.Remember(config: null, CacheFileTests.Cache(4).Leases);
        while (!File.Exists(Path.Combine(Folder, "cache.json"))) await Task.Delay(5, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

        Assert.True(running.IsCanceled, $"{running.Exception}");
        Assert.Equal(4, new CacheFile(Folder).Load(out _)!.Leases.Leases.Count);
        Assert.InRange(Volatile.Read(ref writes), 1, 3);   // more only if this took longer than the interval
    }

    [Fact]
    public async Task J2_a_disk_that_refuses_is_said_once_and_tried_again()
    {
        EtcdCache cache = CacheFileTests.Cache(3);
        NodeMemory memory = Load();
        Directory.CreateDirectory(Path.Combine(Folder, "cache.json", "in the way"));
        using CancellationTokenSource stop = new();
        memory.Remember(Own, left: null);
        memory.Remember(cache.Config, cache.Leases);
        Task running = memory.RunAsync(Prefix, stop.Token);
        while (!_log.Lines.Any(line => line.StartsWith("what etcd says cannot be saved", StringComparison.Ordinal))) await Task.Delay(5, TestContext.Current.CancellationToken);
        Directory.Delete(Path.Combine(Folder, "cache.json"), recursive: true);
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        Assert.NotNull(new CacheFile(Folder).Load(out _));
        Assert.Single(_log.Lines);
    }

    [Theory]
    [InlineData("the one lease under our address", true)]
    [InlineData("it is of another subnet", false)]
    [InlineData("there are two of them", false)]
    [InlineData("it is flannel's", false)]
    [InlineData("the subnet file names none", false)]
    [InlineData("this node knows who it is", false)]
    public void C30_J1_a_lost_identity_is_taken_only_from_the_one_lease_that_must_be_this_nodes(string situation, bool adopts)
    {
        string id = new('d', 32);
        LeaseAttributes attributes = Own.Attributes with { NodeId = situation == "it is flannel's" ? null : id, VtepMac = "02:00:00:00:00:0d" };
        List<Lease> leases = [new(Own.Key, attributes, EtcdLeaseId: 1, CreateRevision: 5, ModRevision: 5)];
        if (situation == "there are two of them") leases.Add(new(SubnetKey.For(IPNetwork.Parse("10.1.9.0/24")), attributes, 1, 6, 6));
        if (situation == "this node knows who it is") new StateFile(Folder).TrySave(AgentState.CreateNew(), out _);
        string subnet = situation == "it is of another subnet" ? "10.1.2.1/24" : "10.1.1.1/24";
        if (situation != "the subnet file names none") File.WriteAllText(_folder.File("subnet.env"), $"FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET={subnet}\n");

        NodeMemory memory = Load();
        memory.Adopt(LeaseTable.Build(10, leases, Address), Address);

        Assert.Equal(adopts, memory.State.NodeId == id);
        Assert.Equal(adopts, memory.State.VtepMac.ToString() == attributes.VtepMac);
        memory.Begin(kernelMac: null);
        Assert.Equal(memory.State.NodeId, Load().State.NodeId);
        Assert.Equal(adopts ? 1 : 0, _log.Lines.Count(line => line.StartsWith("this node has lost its state", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(5, 9, "b", true)]   // theirs is older than the one we have written anew
    [InlineData(5, null, "b", true)]
    [InlineData(5, 3, "b", false)]  // they are the second, and refuse
    [InlineData(5, 9, null, false)] // flannel on this very node
    public void C30_after_a_start_without_etcd_an_older_lease_of_another_node_under_our_address_is_refused(int theirs, int? ours, string? nodeId, bool refused)
    {
        Leave(CacheFileTests.Cache(3));
        NodeMemory memory = Load();
        memory.Remember(Own, left: null);
        List<Lease> leases = [new(SubnetKey.For(IPNetwork.Parse("10.1.9.0/24")), Own.Attributes with { NodeId = nodeId }, 1, theirs, theirs)];
        if (ours is int revision) leases.Add(new(Own.Key, Own.Attributes with { NodeId = memory.State.NodeId }, 1, revision, revision));
        LeaseTable table = LeaseTable.Build(10, leases, Address);

        if (refused) Assert.Contains("10.1.9.0-24", Assert.Throws<DuplicatePublicIpException>(() => memory.RefuseNamesake(table)).Message, StringComparison.Ordinal);
        else memory.RefuseNamesake(table);
    }
}
