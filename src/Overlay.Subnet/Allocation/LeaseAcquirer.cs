using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Following;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Allocation;

/// <summary>
/// Gets this node a subnet: the one that already stands under its PublicIP, else a previous one, else any free one of the whole pool. Every
/// write is a compare-and-swap, so nodes that race end with different subnets, and is followed by one more look, by which of two nodes with one
/// PublicIP the later one refuses. Waits for ever for etcd and for a free subnet, until cancelled.
/// One acquisition at a time.
/// </summary>
public sealed class LeaseAcquirer
{
    private static readonly TimeSpan ExhaustedRetry = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Stale = TimeSpan.FromSeconds(1); // what etcd said so long ago is asked again

    private readonly ILeaseStore _store;
    private readonly LeaseTiming _timing;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Random _random;
    private readonly ReasonThrottle _throttle;
    private Backoff _rounds;   // between two looks at what is free
    private long _etcdLeaseId; // granted for the acquisition under way; 0 for none yet
    private long _grantedAt;

    /// <summary>Creates an acquirer.</summary>
    /// <param name="store">The store.</param>
    /// <param name="timing">How long an etcd lease lives.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">For what is taken and what is waited for.</param>
    /// <param name="random">The order in which free subnets are tried; shared randomness by default.</param>
    public LeaseAcquirer(ILeaseStore store, LeaseTiming timing, TimeProvider time, ILogger<LeaseAcquirer> log, Random? random = null)
    {
        _store = store;
        _timing = timing;
        _time = time;
        _log = log;
        _random = random ?? Random.Shared;
        _throttle = new ReasonThrottle(time);
        _rounds = new Backoff(time, random: _random);
    }

    /// <summary>What an acquisition waits for, in words; null when none waits.</summary>
    public string? WaitingFor { get; private set; }

    /// <summary>The etcd lease that was granted last; 0 for none yet. A write that was given up may still put a key under it.</summary>
    internal long LastGranted { get; private set; }

    /// <summary>Acquires a subnet.</summary>
    /// <param name="config">The network.</param>
    /// <param name="wanted">What to write; its PublicIP and node id say who we are.</param>
    /// <param name="previous">Subnets this node had before, the best first; used where they fit and are free.</param>
    /// <param name="cancellationToken">Ends the waiting. A key may have been written by then; the next acquisition finds it.</param>
    /// <exception cref="DuplicatePublicIpException">Another agent holds a lease under our PublicIP.</exception>
    public async Task<OwnLease> AcquireAsync(
        NetworkConfig config, LeaseAttributes wanted, IReadOnlyList<IPNetwork> previous, CancellationToken cancellationToken)
    {
        _etcdLeaseId = 0;
        _rounds = new Backoff(_time, random: _random);
        while (true)
        {
            StoreSnapshot snapshot = await ReadAllAsync(cancellationToken).ConfigureAwait(false);
            List<StandingLease> ours = StandingLease.FindOurs(snapshot, wanted);
            OwnLease? taken = StandingLease.Choose(ours, snapshot, config, wanted, previous) is { } standing
                ? await TakeOverAsync(standing, wanted, cancellationToken).ConfigureAwait(false)
                : await CreateAsync(config, wanted, previous, snapshot, ours, cancellationToken).ConfigureAwait(false);
            Lease? before = ours.Find(standing => standing.Lease.Key == taken?.Key)?.Lease;
            if (taken is not null && taken.ModRevision != before?.ModRevision)
                taken = await ConfirmAsync(taken, wanted, isNew: before is null, cancellationToken).ConfigureAwait(false);
            if (taken is null || !await LivesAsync(taken, cancellationToken).ConfigureAwait(false))
            {
                await _rounds.DelayAsync(cancellationToken).ConfigureAwait(false); // the store has changed meanwhile: look again
                config = await NewestAsync(config, cancellationToken).ConfigureAwait(false);
                continue;
            }
            foreach (StandingLease surplus in ours.Where(standing => standing.Lease.Key != taken.Key && !standing.Lease.IsReservation))
                await DeleteSurplusAsync(surplus, cancellationToken).ConfigureAwait(false);
            return taken;
        }
    }

    // Whoever gets the lease counts its whole life from now on, and it may have been granted before a long wait for room, or for the answer to a write.
    private async Task<bool> LivesAsync(OwnLease taken, CancellationToken cancellationToken) =>
        taken.IsReservation || taken.EtcdLeaseId != _etcdLeaseId || _time.GetElapsedTime(_grantedAt) < Stale
        || await KeepAliveAsync(taken.EtcdLeaseId, cancellationToken).ConfigureAwait(false) > TimeSpan.Zero;

    // Two that begin at the same moment see nothing of each other until both have written.
    private async Task<OwnLease?> ConfirmAsync(OwnLease taken, LeaseAttributes wanted, bool isNew, CancellationToken cancellationToken)
    {
        StoreSnapshot all = await ReadAllAsync(cancellationToken).ConfigureAwait(false);
        if (RivalClaims.Own(all, taken) is not StoreRecord own)
            return taken;
        Lease? namesake = RivalClaims.Namesake(all, wanted, own.ModRevision);
        Lease? overlapping = isNew ? RivalClaims.Overlapping(all, taken.Key, wanted, own.CreateRevision) : null;
        if (namesake is null && overlapping is null)
            return taken;
        if (isNew)
        {
            await RetryAsync(() => _store.DeleteAsync(own.Path, own, cancellationToken), cancellationToken).ConfigureAwait(false);
            _etcdLeaseId = 0; // a write in doubt may bring the key back: it must not live on with another's lease
        }
        if (namesake is not null)
            throw new DuplicatePublicIpException(wanted, namesake);
        _log.RaceLost(taken.Key);
        return null;
    }

    // Room is made by a config with more subnets, too. Another network is a matter for the next start.
    private async Task<NetworkConfig> NewestAsync(NetworkConfig config, CancellationToken cancellationToken)
    {
        StoreSnapshot snapshot = await RetryAsync(() => _store.ReadAsync(StorePaths.Config, cancellationToken), cancellationToken).ConfigureAwait(false);
        return snapshot.Records is [var text, ..] && NetworkConfig.TryParse(text.Value.Span, out _) is { } newest && newest.Network == config.Network ? newest : config;
    }

    private Task<StoreSnapshot> ReadAllAsync(CancellationToken cancellationToken) =>
        RetryAsync(() => _store.ReadAsync(StorePaths.Subnets, cancellationToken), cancellationToken);

    private async Task<OwnLease?> TakeOverAsync(StandingLease standing, LeaseAttributes wanted, CancellationToken cancellationToken)
    {
        // After a restart key and etcd lease are usually still good: then nothing is written and no peer is disturbed.
        (Lease lease, StoreRecord record) = standing;
        bool asWanted = lease.Attributes == wanted;
        if (asWanted && (lease.IsReservation || await KeepAliveAsync(lease.EtcdLeaseId, cancellationToken).ConfigureAwait(false) == _timing.Ttl))
            return Took(new OwnLease(lease.Key, wanted, lease.EtcdLeaseId, lease.ModRevision));

        (WriteResult result, long etcdLeaseId) = await PutAsync(lease.Key, wanted, record, lease.IsReservation, cancellationToken).ConfigureAwait(false);
        return result.Succeeded ? Took(new OwnLease(lease.Key, wanted, etcdLeaseId, result.Revision)) : null;
    }

    private Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken) =>
        RetryAsync(() => _store.KeepAliveAsync(etcdLeaseId, cancellationToken), cancellationToken);

    private async Task<OwnLease?> CreateAsync(
        NetworkConfig config, LeaseAttributes wanted, IReadOnlyList<IPNetwork> previous, StoreSnapshot snapshot, List<StandingLease> ours,
        CancellationToken cancellationToken)
    {
        var ourKeys = ours.Select(standing => standing.Lease.Key).ToHashSet();
        var used = new List<IPNetwork>();
        foreach (StoreRecord record in snapshot.Records)
        {
            // A key with an unreadable value still occupies its subnet.
            if (SubnetKey.TryParse(StorePaths.SubnetName(record.Path), out SubnetKey key, out _) && !ourKeys.Contains(key))
                used.Add(key.Subnet);
        }
        var pool = new SubnetPool(config, used);
        bool lostRace = false;
        long looked = _time.GetTimestamp();
        foreach (IPNetwork subnet in previous.Where(subnet => config.Fits(subnet) && pool.IsFree(subnet)).Concat(pool.Free(_random)))
        {
            SubnetKey key = SubnetKey.For(subnet);
            (WriteResult result, long etcdLeaseId) = await PutAsync(key, wanted, expected: null, isReservation: false, cancellationToken).ConfigureAwait(false);
            if (result.Succeeded)
            {
                _log.LeaseCreated(key, wanted.PublicIP, etcdLeaseId);
                return new OwnLease(key, wanted, etcdLeaseId, result.Revision);
            }
            lostRace = true;
            _log.RaceLost(key);
            if (_time.GetElapsedTime(looked) > Stale)
                break;
        }
        if (!lostRace)
            await WaitForRoomAsync(config, used.Count, pool.Count, snapshot.Revision, cancellationToken).ConfigureAwait(false);
        return null;
    }

    /// <summary>Writes until the outcome is certain; the same write again is how an outcome in doubt is found out.</summary>
    private async Task<(WriteResult Result, long EtcdLeaseId)> PutAsync(
        SubnetKey key, LeaseAttributes wanted, StoreRecord? expected, bool isReservation, CancellationToken cancellationToken)
    {
        byte[] value = wanted.ToJson();
        while (true)
        {
            if (!isReservation && _etcdLeaseId == 0)
                await GrantAsync(cancellationToken).ConfigureAwait(false);
            long etcdLeaseId = isReservation ? 0 : _etcdLeaseId;
            int tries = 0;
            try
            {
                WriteResult result = await RetryAsync(
                    () =>
                    {
                        tries++;
                        return _store.PutAsync(StorePaths.Subnet(key), value, etcdLeaseId, expected, cancellationToken);
                    }, cancellationToken).ConfigureAwait(false);

                // A try in doubt may have put the key under this etcd lease, and a restored backup or its own late arrival can bring it back. If
                // another key were renewed by the same etcd lease, that one would never expire.
                if (!result.Succeeded && tries > 1)
                    _etcdLeaseId = 0;
                return (result, etcdLeaseId);
            }
            catch (StoreException e) when (e.Fault == StoreFault.LeaseNotFound)
            {
                _etcdLeaseId = 0; // ran out while etcd was away, and with it anything an earlier try wrote
            }
        }
    }

    private async Task GrantAsync(CancellationToken cancellationToken)
    {
        _grantedAt = _time.GetTimestamp();
        (_etcdLeaseId, _) = await RetryAsync(() => _store.GrantAsync(_timing.Ttl, cancellationToken), cancellationToken).ConfigureAwait(false);
        LastGranted = _etcdLeaseId;
    }

    private async Task<T> RetryAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        var backoff = new Backoff(_time, random: _random);
        while (true)
        {
            try
            {
                T result = await call().ConfigureAwait(false);
                WaitingFor = null;
                return result;
            }
            catch (StoreException e) when (e.Fault != StoreFault.LeaseNotFound)
            {
                WaitingFor = e.Message;
                if (_throttle.ShouldLog(e))
                    _log.AcquireWaits(e.IsLossOfContact ? LogLevel.Debug : LogLevel.Warning, e.Message); // the watcher of all leases warns of the former
            }
            await backoff.DelayAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    // Woken by the next lease that goes; the time limit is for keys that go while the watch is down.
    private async Task WaitForRoomAsync(NetworkConfig config, int leases, uint subnets, long revision, CancellationToken cancellationToken)
    {
        Waiting($"out of subnets: all {subnets} of /{config.SubnetLength} from {config.SubnetMin} to {config.SubnetMax} in {config.Network} are in use "
            + $"by {leases} leases; waiting for one to become free");
        using var limit = new CancellationTokenSource(ExhaustedRetry, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await foreach (StoreChanges changes in _store.WatchAsync(StorePaths.Subnets, revision + 1, either.Token).ConfigureAwait(false))
            {
                if (changes.Records.Any(record => record.IsDeleted))
                {
                    _rounds.Reset(); // whoever waited long is as quick as the others
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }
        catch (StoreException)
        {
            // The read that follows says what is wrong.
        }
    }

    private async Task DeleteSurplusAsync(StandingLease surplus, CancellationToken cancellationToken)
    {
        SubnetKey key = surplus.Lease.Key;
        try
        {
            WriteResult result = await _store.DeleteAsync(StorePaths.Subnet(key), surplus.Record, cancellationToken).ConfigureAwait(false);
            if (result.Succeeded)
                _log.SurplusDeleted(key);
            else
                _log.SurplusLeft(key, "it was changed meanwhile");
        }
        catch (StoreException e)
        {
            _log.SurplusLeft(key, e.Message);
        }
    }

    private OwnLease Took(OwnLease lease)
    {
        _log.LeaseTakenOver(lease.Key, lease.Attributes.PublicIP, lease.EtcdLeaseId);
        return lease;
    }

    private void Waiting(string reason)
    {
        WaitingFor = reason;
        if (_throttle.ShouldLog(reason))
            _log.AcquireWaits(LogLevel.Warning, reason);
    }
}
