using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Simulation.Rules;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Testing.Etcd;

namespace Overlay.Simulation.Tests;

/// <summary>The rules of the simulation on what a real etcd recorded.</summary>
public sealed class RealHistoryTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task C29_R13_every_revision_of_a_real_race_obeys_the_rules()
    {
        Assert.SkipUnless(EtcdServer.Missing is null, EtcdServer.Missing ?? "");
        await using EtcdServer server = await EtcdServer.StartAsync(Cancel);
        NetworkConfig config = NetworkConfig.Parse("""{"Network":"10.1.0.0/16","SubnetMin":"10.1.1.0","SubnetMax":"10.1.24.0"}"""u8);
        EtcdLeaseStore[] stores = [.. Enumerable.Range(0, 24).Select(_ => new EtcdLeaseStore(server.Options, NullLogger<EtcdLeaseStore>.Instance))];
        for (int round = 0; round < 3; round++)
        {
            // Each comes back in every round, with the same hint as all others; a third of them has to be written anew.
            await Task.WhenAll(stores.Select((store, i) => new LeaseAcquirer(store, new LeaseTiming(), TimeProvider.System, NullLogger<LeaseAcquirer>.Instance)
                .AcquireAsync(config, Node(i, round), [IPNetwork.Parse("10.1.1.0/24")], Cancel)));
        }

        StoreSnapshot last = await stores[0].ReadAsync(StorePaths.Subnets, Cancel);
        LeaseHistory history = await RecordAsync(stores[0], last.Revision);
        Assert.Equal(24, history.Live.Count);
        Assert.True(history.Count >= 24, "nothing was recorded");
        Array.ForEach(stores, store => store.Dispose());
    }

    [Fact]
    public void A_history_in_which_a_key_changes_hands_is_refused()
    {
        var history = new LeaseHistory();
        history.Take(Key("10.1.1.0-24", 1, revision: 2));
        history.Take(Key("10.1.1.0-24", 1, revision: 3, created: 2));
        Assert.Equal(ViolationKind.OverwroteAnother, Assert.Throws<ViolationException>(() => history.Take(Key("10.1.1.0-24", 2, revision: 4, created: 2))).Kind);
        Assert.Equal(ViolationKind.SecondKey, Assert.Throws<ViolationException>(() => history.Take(Key("10.1.2.0-24", 1, revision: 5))).Kind);
        Assert.Equal(ViolationKind.Overlap, Assert.Throws<ViolationException>(() => history.Take(Key("10.1.0.0-23", 3, revision: 6))).Kind);
    }

    private static StoreRecord Key(string name, int node, long revision, long? created = null) =>
        new(StorePaths.Subnets + name, Node(node, 0).ToJson(), 7, created ?? revision, revision);

    private static LeaseAttributes Node(int number, int round) => new()
    {
        PublicIP = IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"192.168.1.{number + 1}")),
        BackendType = "vxlan",
        Vni = number % 3 == 0 ? (uint)round + 1 : 1,
        VtepMac = string.Create(CultureInfo.InvariantCulture, $"02:00:00:00:00:{number:x2}"),
        NodeId = $"n{number}",
    };

    private static async Task<LeaseHistory> RecordAsync(EtcdLeaseStore store, long lastRevision)
    {
        var history = new LeaseHistory();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        enough.CancelAfter(TimeSpan.FromSeconds(30));
        await foreach (StoreChanges changes in store.WatchAsync(StorePaths.Subnets, 1, enough.Token))
        {
            foreach (StoreRecord record in changes.Records)
                history.Take(record);
            if (changes.Revision >= lastRevision)
                break;
        }
        return history;
    }
}
