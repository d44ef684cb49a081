using System.Collections.Concurrent;
using System.Net;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>Acquirer, keeper and watcher together on a real etcd.</summary>
public sealed class LeaseProtocolTests(EtcdFixture etcd)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static LeaseAcquirer NewAcquirer(ILeaseStore store) => new(store, new LeaseTiming(), TimeProvider.System, new ListLogger<LeaseAcquirer>());

    [Fact]
    public async Task C29_64_agents_race_for_64_subnets_and_each_ends_with_its_own()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        EtcdOptions options = etcd.NewOptions();
        NetworkConfig config = Some.Parse("""{"Network":"10.1.0.0/16","SubnetMin":"10.1.64.0","SubnetMax":"10.1.127.0"}""");
        EtcdLeaseStore[] stores = [.. Enumerable.Range(0, 8).Select(_ => EtcdFixture.Open(options))];
        OwnLease[] leases = await Task.WhenAll(Enumerable.Range(0, 64).Select(i =>
            NewAcquirer(stores[i % stores.Length]).AcquireAsync(config, Some.Node(i, $"n{i}"), [IPNetwork.Parse("10.1.64.0/24")], Cancel)));
        Assert.Equal(64, leases.Select(lease => lease.Subnet).Distinct().Count());
        StoreSnapshot stored = await stores[0].ReadAsync(StorePaths.Subnets, Cancel);
        Assert.Equal(64, stored.Records.Count);
        Array.ForEach(stores, store => store.Dispose());
    }

    [Fact]
    public async Task C14_C19_C20_agents_keep_their_subnets_through_kill_9_deletion_and_a_lost_data_directory()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        await using EtcdServer server = await EtcdServer.StartAsync(Cancel);
        await using Node one = await Node.StartAsync(server, 1);
        await using Node two = await Node.StartAsync(server, 2);
        string[] both = [.. new[] { one.Keeper.Lease.Key.Name, two.Keeper.Lease.Key.Name }.Order(StringComparer.Ordinal)];
        await Eventually.TrueAsync(() => one.Sees(both) && two.Sees(both), "both see both");

        await server.CtlAsync(Cancel, "del", "--prefix", "/coreos.com/network/subnets/");
        await Eventually.TrueAsync(() => one.Count<LeaseHappening.Recreated>() == 1 && two.Count<LeaseHappening.Recreated>() == 1, "written again");

        await server.KillAsync();
        server.DeleteData();
        await server.StartAgainAsync(Cancel);
        await Eventually.TrueAsync(() => one.Count<LeaseHappening.Recreated>() == 2 && two.Count<LeaseHappening.Recreated>() == 2, "on the empty store");
        Assert.True(one.AlwaysSaw(both) && two.AlwaysSaw(both), "no peer was ever missing");

        await server.KillAsync();
        await server.StartAgainAsync(Cancel);
        await server.CtlAsync(Cancel, "del", $"/coreos.com/network/subnets/{both[0]}");
        await Eventually.TrueAsync(() => one.Count<LeaseHappening.Recreated>() + two.Count<LeaseHappening.Recreated>() == 5, "one alone");
        Assert.Equal((0, 0), (one.Count<LeaseHappening.Moved>(), two.Count<LeaseHappening.Moved>()));
        string keys = await server.CtlAsync(Cancel, "get", "--prefix", "--keys-only", "/coreos.com/network/subnets/");
        Assert.Equal(both.Select(name => $"/coreos.com/network/subnets/{name}"), keys.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>The control plane of one node.</summary>
    private sealed class Node : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly ConcurrentQueue<LeaseHappening> _happened = new();
        private readonly ConcurrentQueue<LeaseTable> _tables = new();
        private readonly EtcdLeaseStore _store;
        private readonly Task _running;

        private Node(EtcdLeaseStore store, LeaseKeeper keeper, LeaseWatcher watcher)
        {
            _store = store;
            Keeper = keeper;
            _running = Task.WhenAll(
                keeper.RunAsync(_stop.Token), watcher.RunAsync(_stop.Token), DrainAsync(keeper.Happenings, _happened), DrainAsync(watcher.Tables, _tables));
        }

        public LeaseKeeper Keeper { get; }

        public static async Task<Node> StartAsync(EtcdServer server, int number)
        {
            EtcdLeaseStore store = EtcdFixture.Open(server.Options);
            LeaseAcquirer acquirer = NewAcquirer(store);
            OwnLease own = await acquirer.AcquireAsync(Some.Config, Some.Node(number, $"n{number}"), [], Cancel);
            var keeper = new LeaseKeeper(store, acquirer, Some.Config, own, new LeaseTiming(), TimeProvider.System, new ListLogger<LeaseKeeper>());
            return new Node(store, keeper, new LeaseWatcher(store, own.Attributes.PublicIP, TimeProvider.System, new ListLogger<LeaseWatcher>()));
        }

        public int Count<T>() => _happened.OfType<T>().Count();

        public bool Sees(string[] names) => _tables.LastOrDefault() is LeaseTable table && Shows(table, names);

        public bool AlwaysSaw(string[] names) => _tables.SkipWhile(table => !Shows(table, names)).All(table => Shows(table, names));

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _store.Dispose();
            _stop.Dispose();
        }

        private static bool Shows(LeaseTable table, string[] names) =>
            table.Leases.Values.Select(lease => lease.Key.Name).Order(StringComparer.Ordinal).SequenceEqual(names);

        private async Task DrainAsync<T>(System.Threading.Channels.ChannelReader<T> from, ConcurrentQueue<T> to)
        {
            await foreach (T item in from.ReadAllAsync(_stop.Token))
                to.Enqueue(item);
        }
    }
}
