using System.Net;
using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Allocation;

public sealed class LeaseAcquirerTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly ListLogger<LeaseAcquirer> _log = new();
    private readonly MemoryLeaseStore _store;

    public LeaseAcquirerTests()
    {
        _store = new MemoryLeaseStore(_time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static IReadOnlyList<IPNetwork> Subnets(params string[] subnets) => [.. subnets.Select(IPNetwork.Parse)];

    private LeaseAcquirer New(int seed = 1) => new(_store, new LeaseTiming(), _time, _log, new Random(seed));

    private Task<OwnLease> AcquireAsync(LeaseAttributes wanted, NetworkConfig? config = null, params string[] previous) =>
        New().AcquireAsync(config ?? Some.Config, wanted, Subnets(previous), Cancel);

    [Fact]
    public async Task A_first_lease_is_any_free_subnet_under_a_lease_of_24_hours()
    {
        OwnLease own = await AcquireAsync(Some.Node(1, "n1"));
        Assert.True(Some.Config.Fits(own.Subnet));
        StoreRecord record = _store.Get(Some.Path(own.Key.Name))!;
        Assert.Equal((own.EtcdLeaseId, own.ModRevision), (record.EtcdLeaseId, record.ModRevision));
        Assert.Equal(Some.Json(Some.Node(1, "n1")), _store.GetText(Some.Path(own.Key.Name)));
        Assert.Equal(TimeSpan.FromHours(24), await _store.KeepAliveAsync(own.EtcdLeaseId, Cancel));
    }

    [Fact]
    public async Task C15_previous_subnets_are_asked_back_in_order_where_they_fit_and_are_free()
    {
        _store.Put(Some.Path("10.1.7.0-24"), Some.Json(Some.Node(2)));
        _store.Put(Some.Path("10.1.8.0-25"), "unreadable");
        OwnLease own = await AcquireAsync(Some.Node(1), null, "10.9.1.0/24", "10.1.6.0/25", "10.1.7.0/24", "10.1.8.0/24", "10.1.9.0/24", "10.1.10.0/24");
        Assert.Equal("10.1.9.0/24", $"{own.Subnet}");
    }

    [Fact]
    public async Task C31_a_restart_finds_its_key_again_and_writes_nothing()
    {
        OwnLease first = await AcquireAsync(Some.Node(1, "n1"));
        long revision = _store.Revision;
        OwnLease second = await AcquireAsync(Some.Node(1, "n1"), null, "10.1.9.0/24");
        Assert.Equal(first, second);
        Assert.Equal((revision, 1), (_store.Revision, _store.LeaseCount));
    }

    [Fact]
    public async Task A_flannel_key_under_our_address_is_taken_over_by_compare_and_swap()
    {
        (long flannels, _) = await _store.GrantAsync(TimeSpan.FromHours(24), Cancel);
        _store.Put(Some.Path("10.1.26.0-24"), Some.Json(Some.Node(1)), flannels);
        OwnLease own = await AcquireAsync(Some.Node(1, "n1"));
        Assert.Equal("10.1.26.0/24", $"{own.Subnet}");
        Assert.NotEqual(flannels, own.EtcdLeaseId);
        Assert.Single(_store.All(StorePaths.Subnets));
        Assert.Equal("n1", Read(_store.Get(Some.Path("10.1.26.0-24"))!).Attributes.NodeId);
    }

    [Fact]
    public async Task A_dual_stack_key_of_ours_keeps_its_name()
    {
        _store.Put(Some.Path("10.1.26.0-24&fd00:26::-64"), Some.Json(Some.Node(1)), (await _store.GrantAsync(TimeSpan.FromHours(24), Cancel)).EtcdLeaseId);
        OwnLease own = await AcquireAsync(Some.Node(1, "n1"));
        Assert.Equal("10.1.26.0-24&fd00:26::-64", own.Key.Name);
    }

    [Fact]
    public async Task C22_a_reservation_of_ours_is_used_and_keeps_its_lease_id_0()
    {
        _store.Put(Some.Path("10.1.5.0-24"), """{"PublicIP":"192.168.0.2"}""");
        _store.Put(Some.Path("10.1.6.0-24"), """{"PublicIP":"192.168.0.99"}""");
        OwnLease own = await AcquireAsync(Some.Node(1, "n1"), null, "10.1.6.0/24");
        Assert.Equal(("10.1.5.0/24", 0L, true), ($"{own.Subnet}", own.EtcdLeaseId, own.IsReservation));
        Assert.Equal((0L, 0), (_store.Get(Some.Path("10.1.5.0-24"))!.EtcdLeaseId, _store.LeaseCount));
    }

    [Fact]
    public async Task C24_a_key_of_ours_that_no_longer_fits_is_replaced_and_deleted_last()
    {
        OwnLease old = await AcquireAsync(Some.Node(1, "n1"));
        bool oldStoodWhenNewWasWritten = false;
        _store.Fault = (operation, path) =>
        {
            if (operation == "put" && path != Some.Path(old.Key.Name))
                oldStoodWhenNewWasWritten = _store.Get(Some.Path(old.Key.Name)) is not null;
            return null;
        };
        OwnLease own = await AcquireAsync(Some.Node(1, "n1"), Some.Parse("""{"Network":"10.2.0.0/16"}"""), $"{old.Subnet}");
        Assert.StartsWith("10.2.", $"{own.Subnet}", StringComparison.Ordinal);
        Assert.True(oldStoodWhenNewWasWritten);
        Assert.Equal(Some.Path(own.Key.Name), Assert.Single(_store.All(StorePaths.Subnets)).Path);
    }

    [Fact]
    public async Task C30_another_node_under_our_address_is_refused_by_name()
    {
        OwnLease first = await AcquireAsync(Some.Node(1, "original"));
        long revision = _store.Revision;
        DuplicatePublicIpException e = await Assert.ThrowsAsync<DuplicatePublicIpException>(() => AcquireAsync(Some.Node(1, "clone")));
        Assert.All(["original", "clone", "192.168.0.2", first.Key.Name], part => Assert.Contains(part, e.Message, StringComparison.Ordinal));
        Assert.Equal(revision, _store.Revision);
    }

    [Fact]
    public async Task C32_lost_answers_never_make_a_second_key()
    {
        _store.LoseReplies(3);
        Task<OwnLease> acquiring = AcquireAsync(Some.Node(1, "n1"));
        await Eventually.TrueAsync(() => acquiring.IsCompleted, "acquired", _time);
        OwnLease own = await acquiring;
        Assert.Equal(Some.Path(own.Key.Name), Assert.Single(_store.All(StorePaths.Subnets)).Path);
    }

    [Fact]
    public async Task C1_C18_etcd_away_is_waited_for_and_said_once_a_minute()
    {
        _store.IsDown = true;
        LeaseAcquirer acquirer = New();
        Task<OwnLease> acquiring = acquirer.AcquireAsync(Some.Config, Some.Node(1), [], Cancel);
        DateTimeOffset start = _time.GetUtcNow();
        await Eventually.TrueAsync(() => _time.GetUtcNow() - start > TimeSpan.FromSeconds(150), "150 s", _time, TimeSpan.FromSeconds(1));
        Assert.NotNull(acquirer.WaitingFor);
        Assert.InRange(_log.Count("cannot get a subnet yet"), 1, 3);
        _store.IsDown = false;
        await Eventually.TrueAsync(() => acquiring.IsCompleted, "acquired", _time);
        Assert.Null(acquirer.WaitingFor);
    }

    [Fact]
    public async Task C28_an_exhausted_pool_is_reported_with_counts_and_left_as_soon_as_one_frees()
    {
        NetworkConfig config = Some.Parse("""{"Network":"10.1.0.0/20"}""");
        for (int i = 1; i < 16; i++)
            _store.Put(Some.Path($"10.1.{i}.0-24"), Some.Json(Some.Node(100 + i)));
        LeaseAcquirer acquirer = New();
        Task<OwnLease> acquiring = acquirer.AcquireAsync(config, Some.Node(1), [], Cancel);
        await Eventually.TrueAsync(() => _store.WatchCount == 1, "waiting for room");
        Assert.Contains("out of subnets: all 15 of /24 from 10.1.1.0 to 10.1.15.0 in 10.1.0.0/20 are in use by 15 leases", acquirer.WaitingFor, StringComparison.Ordinal);
        _store.Delete(Some.Path("10.1.11.0-24"));
        await Eventually.TrueAsync(() => acquiring.IsCompleted, "acquired", _time);
        Assert.Equal("10.1.11.0/24", $"{(await acquiring).Subnet}");
    }

    [Fact]
    public async Task C28_an_etcd_lease_that_grew_old_while_there_was_no_room_is_renewed_before_its_key_counts()
    {
        string only = Some.Path("10.1.1.0-24");
        _store.Fault = (operation, _) =>
        {
            if (operation == "put" && _store.Get(only) is null)
                _store.Put(only, Some.Json(Some.Node(9)));
            return null;
        };
        Task<OwnLease> acquiring = AcquireAsync(Some.Node(1, "n1"), Some.Parse("""{"Network":"10.1.0.0/16","SubnetMin":"10.1.1.0","SubnetMax":"10.1.1.0"}"""));
        await Eventually.TrueAsync(() => _store.WatchCount == 1, "waiting for room", _time);
        Assert.Equal(1, _store.LeaseCount);
        DateTimeOffset start = _time.GetUtcNow();
        await Eventually.TrueAsync(() => _time.GetUtcNow() - start > TimeSpan.FromHours(23), "most of its life", _time, TimeSpan.FromMinutes(20));
        _store.Fault = null;
        _store.Delete(only);
        await Eventually.TrueAsync(() => acquiring.IsCompleted, "acquired", _time);
        await acquiring;
        _time.Advance(TimeSpan.FromHours(23));
        Assert.Equal(Some.Json(Some.Node(1, "n1")), _store.GetText(only));
    }

    [Fact]
    public async Task C29_agents_that_race_for_all_subnets_each_end_with_their_own()
    {
        NetworkConfig config = Some.Parse("""{"Network":"10.1.0.0/18"}""");
        Task<OwnLease>[] racing = [.. Enumerable.Range(0, 63).Select(i => New(seed: 7).AcquireAsync(config, Some.Node(i, $"n{i}"), Subnets("10.1.1.0/24"), Cancel))];
        await Eventually.TrueAsync(() => racing.All(task => task.IsCompleted), "all acquired", _time);
        OwnLease[] leases = await Task.WhenAll(racing);
        Assert.Equal(63, leases.Select(lease => lease.Subnet).Distinct().Count());
        Assert.Equal(63, _store.All(StorePaths.Subnets).Count);
        Assert.Equal(63, _store.LeaseCount);
    }

    [Fact]
    public async Task An_etcd_lease_that_ran_out_before_the_write_is_replaced()
    {
        bool first = true;
        _store.Fault = (operation, _) =>
        {
            if (operation == "put" && first)
            {
                first = false;
                _store.Expire(1000);
            }
            return null;
        };
        OwnLease own = await AcquireAsync(Some.Node(1));
        Assert.Equal(1001, own.EtcdLeaseId);
    }

    [Fact]
    public async Task Cancelling_ends_the_waiting()
    {
        _store.IsDown = true;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        Task<OwnLease> acquiring = New().AcquireAsync(Some.Config, Some.Node(1), [], stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => acquiring);
    }

    private static Lease Read(StoreRecord record)
    {
        Assert.True(Lease.TryRead(record, out Lease? lease, out string? reason), reason);
        return lease;
    }
}
