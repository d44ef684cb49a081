using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Agent.Configuration;
using Overlay.Agent.Forwarding;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Devices;
using Overlay.Encap.Flow;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Wire;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;
using Overlay.Testing.Packets;

namespace Overlay.Agent.Tests.Services;

/// <summary>
/// Two agents in one process, over fakes of everything outside of them:
/// <code>
///            store (an etcd in memory)
///           ╱                         ╲
/// lease 1, forwarder 1       lease 2, forwarder 2
///          │                         │
/// tun 1 ⇄ plane 1  ⇄ network ⇄  plane 2 ⇄ tun 2
/// </code>
/// </summary>
public sealed class TwoAgentsTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Nodes_that_know_only_the_store_lease_subnets_and_carry_packets_between_them()
    {
        MemoryLeaseStore store = new(TimeProvider.System);
        store.Put(StorePaths.Config, """{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}""");
        FakeNetwork network = new();
        await using Node one = await Node.StartAsync(1, store, network);
        await using Node two = await Node.StartAsync(2, store, network);
        Assert.NotEqual(one.Lease.Subnet, two.Lease.Subnet);
        await EventuallyAsync(() => one.Forwarder.Peers == 1 && two.Forwarder.Peers == 1);

        byte[] there = Packet.Udp(one.Address(2), two.Address(2), Packet.Payload(900)), back = Packet.Udp(two.Address(2), one.Address(2), Packet.Payload(700));
        one.Tun.Send(there);
        two.Tun.Send(back);
        await EventuallyAsync(() => one.Tun.WrittenCount == 1 && two.Tun.WrittenCount == 1);
        Assert.Equal(there, Assert.Single(two.Tun.TakeWritten()).Packet);
        Assert.Equal(back, Assert.Single(one.Tun.TakeWritten()).Packet);
    }

    [Fact]
    public async Task C3_packets_go_on_while_the_store_is_away_and_stop_for_a_peer_that_is_gone()
    {
        MemoryLeaseStore store = new(TimeProvider.System);
        store.Put(StorePaths.Config, """{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}""");
        FakeNetwork network = new();
        await using Node one = await Node.StartAsync(1, store, network);
        string key;
        await using (Node two = await Node.StartAsync(2, store, network))
        {
            key = StorePaths.Subnet(two.Lease.Key);
            await EventuallyAsync(() => one.Forwarder.Peers == 1 && two.Forwarder.Peers == 1);
            store.IsDown = true;
            one.Tun.Send(Packet.Udp(one.Address(2), two.Address(2), [1, 2, 3]));
            await EventuallyAsync(() => two.Tun.WrittenCount == 1);
            store.IsDown = false;
        }
        store.Delete(key);
        await EventuallyAsync(() => one.Forwarder.Peers == 0);
    }

    private static async Task EventuallyAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Deadline);
        while (!condition()) await Task.Delay(5, limit.Token);
    }

    private sealed class Node : IAsyncDisposable
    {
        private readonly CancellationTokenSource _end = new();
        private readonly FakeStopSignal _stop = new();
        private readonly DataPlane _plane;
        private readonly Task _running;

        private Node(int number, OwnLease lease, OverlaySettings settings, NetworkConfig config, MemoryLeaseStore store, LeaseAcquirer acquirer, FakeNetwork network)
        {
            Lease = lease;
            Tun = new FakeTun(_stop);
            Forwarder = new Forwarder(settings.NodeWith(lease.Subnet, PublicIp(number), Mac(number)), TimeProvider.System, NullLogger.Instance);
            FakeUnderlay underlay = network.Attach(Prefix.AddressOf(PublicIp(number)), _stop);
            _plane = new DataPlane([new WorkerEnds(Tun, underlay, underlay)], Forwarder.Table, settings.Mtu, new DataPlaneOptions(), _stop);
            _plane.Start();
            LeaseKeeper keeper = new(store, acquirer, config, lease, new LeaseTiming(), TimeProvider.System, NullLogger<LeaseKeeper>.Instance);
            LeaseWatcher peers = new(store, PublicIp(number), TimeProvider.System, NullLogger<LeaseWatcher>.Instance);
            _running = Task.WhenAll(keeper.RunAsync(_end.Token), peers.RunAsync(_end.Token), FollowAsync(peers));
        }

        public OwnLease Lease { get; }

        public FakeTun Tun { get; }

        public Forwarder Forwarder { get; }

        public uint Address(int host) => Prefix.AddressOf(Lease.Subnet.BaseAddress) + (uint)host;

        public static async Task<Node> StartAsync(int number, MemoryLeaseStore store, FakeNetwork network)
        {
            CancellationToken cancel = TestContext.Current.CancellationToken;
            StoreSnapshot read = await store.ReadAsync(StorePaths.Config, cancel);
            NetworkConfig config = NetworkConfig.Parse(read.Records[0].Value.Span);
            OverlaySettings settings = new("flannel.1", config.Network, new TunMtu(1450), PublicIp(number), config.Backend.Port, new Vni(config.Backend.Vni), new DataPathSettings());
            LeaseAcquirer acquirer = new(store, new LeaseTiming(), TimeProvider.System, NullLogger<LeaseAcquirer>.Instance);
            LeaseAttributes wanted = new() { PublicIP = PublicIp(number), BackendType = "vxlan", Vni = config.Backend.Vni, VtepMac = Mac(number).ToString(), NodeId = $"node-{number}" };
            OwnLease lease = await acquirer.AcquireAsync(config, wanted, [], cancel);
            return new Node(number, lease, settings, config, store, acquirer, network);
        }

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _plane.Stop();
            Forwarder.Dispose();
            _end.Dispose();
            Assert.Null(await _plane.Completion);
        }

        private async Task FollowAsync(LeaseWatcher peers)
        {
            await foreach (LeaseTable table in peers.Tables.ReadAllAsync(_end.Token)) Forwarder.Update(table);
        }

        private static IPAddress PublicIp(int number) => new([192, 168, 0, (byte)number]);

        private static MacAddress Mac(int number) => new(0x0200_0000_0000UL + (uint)number);
    }
}
