using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Following;

/// <summary>
/// Follows a path of the store for ever: a snapshot, then each change after it, and after a lost watch a new snapshot. Never goes back to an
/// older revision by mistake.
/// </summary>
/// <remarks>
/// A watch is never resumed where it broke, though etcd could: a member whose data folder was emptied or copied back keeps its cluster id, and once
/// its revisions have passed the last one seen here, nothing tells its history from the one followed before. Reading costs an agent one request for
/// each 6,000 leases and outage.
/// </remarks>
/// <param name="store">The store.</param>
/// <param name="path">What to follow.</param>
/// <param name="time">The clock.</param>
/// <param name="log">For the path's ups and downs.</param>
/// <param name="random">Spreads the retries; shared randomness by default.</param>
/// <param name="lossLevel">How loudly to say that contact is lost. Many follow one etcd: one of them warns.</param>
/// <param name="seen">The revision an earlier run has seen; 0 for none.</param>
/// <param name="keys">How many keys it has seen.</param>
/// <param name="nodes">How many nodes follow the same etcd, where that is not the number of keys.</param>
/// <param name="mostSpread">The longest time over which they spread.</param>
internal sealed class KeyFollower(
    ILeaseStore store, string path, TimeProvider time, ILogger log, Random? random = null, LogLevel lossLevel = LogLevel.Warning, long seen = 0, int keys = 0,
    Func<int>? nodes = null, TimeSpan? mostSpread = null)
{
    // Whatever makes us read everything anew makes all nodes do it, at the same moment; the keys are as many as the nodes. At this much for
    // each, 5,000 nodes come within a minute (FAULTS L3), and a small fleet at once.
    private static readonly TimeSpan SpreadPerKey = TimeSpan.FromMilliseconds(12);
    private static readonly TimeSpan MostSpread = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(15);

    private readonly Backoff _backoff = new(time, random: random);
    private readonly ReasonThrottle _throttle = new(time);
    private readonly TaskCompletionSource _firstFailure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _seen = seen;
    private ulong _cluster;
    private int _keys = keys;
    private bool _doubted;
    private bool _wasOld;
    private bool _hasHeldBack;

    /// <summary>Why what is known may be out of date, in words; null while the watch stands.</summary>
    public string? WaitingFor { get; private set; } = "etcd";

    /// <summary>Ends when a try has failed for the first time.</summary>
    public Task FirstFailure => _firstFailure.Task;

    private TimeSpan Spread => SpreadOf(nodes?.Invoke() ?? _keys, mostSpread ?? MostSpread);

    /// <summary>The time over which a fleet of so many nodes spreads what all of them do.</summary>
    public static TimeSpan SpreadOf(int nodes, TimeSpan most) => SpreadPerKey * nodes < most ? SpreadPerKey * nodes : most;

    /// <summary>Runs until cancelled; one enumeration per instance.</summary>
    public async IAsyncEnumerable<FollowUpdate> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? lost = null;
        bool told = false;
        while (true)
        {
            long? stoodAt = null;
            long asked = time.GetTimestamp();
            (StoreSnapshot? snapshot, StoreException? failure) = await TryAsync(() => store.ReadAsync(path, cancellationToken)).ConfigureAwait(false);
            if (snapshot is not null && Believe(snapshot, out bool rewound, out failure))
            {
                yield return new FollowUpdate(rewound ? FollowKind.RewoundSnapshot : FollowKind.Snapshot, snapshot.Revision, snapshot.Records);
                await using IAsyncEnumerator<StoreChanges> watch = store.WatchAsync(path, _seen + 1, cancellationToken).GetAsyncEnumerator(cancellationToken);
                while (true)
                {
                    (bool more, failure) = await TryAsync(() => watch.MoveNextAsync().AsTask()).ConfigureAwait(false);
                    if (!more)
                        break;
                    if (IsOtherCluster(watch.Current))
                    {
                        failure = new StoreException(StoreFault.Rewound, "etcd answers as another cluster than the one read before: restored from a backup?");
                        break;
                    }
                    if (stoodAt is null && IsOld(asked))
                    {
                        failure = new StoreException(StoreFault.Rewound, "this process stood still between reading and watching");
                        break;
                    }
                    stoodAt ??= time.GetTimestamp();
                    if (told)
                        log.FollowingAgain(path, _seen + 1);
                    lost = null;
                    told = false;
                    _throttle.Reset();
                    WaitingFor = null;
                    Take(watch.Current);
                    yield return new FollowUpdate(FollowKind.Changes, _seen, watch.Current.Records);
                }
            }
            failure ??= new StoreException(StoreFault.Other, $"the watch of {path} has ended");
            WaitingFor = failure.Message;
            if (failure.Fault is StoreFault.Compacted or StoreFault.Rewound)
            {
                if (_throttle.ShouldLog($"{failure.Fault}"))
                    log.ReadingAnew(path, failure.Message);
            }
            else
            {
                _firstFailure.TrySetResult();
                if (_throttle.ShouldLog(failure))
                {
                    log.FollowingLost(failure.IsLossOfContact ? lossLevel : LogLevel.Warning, path, failure.Message);
                    told = true;
                }
                if (lost != failure.Trouble)
                    yield return new FollowUpdate(FollowKind.Lost, _seen, [], failure);
                lost = failure.Trouble;
            }
            await HoldBackAsync(stoodAt, cancellationToken).ConfigureAwait(false);
        }
    }

    // A watch that stood is lost to all nodes at once, so they spread; and so do nodes that all start together, if etcd cannot serve them at the
    // first try. Retries spread by themselves, once they are as far apart as the fleet is large. Only a watch that stood for longer than that is a
    // success: a server may accept every watch and drop it.
    private async Task HoldBackAsync(long? stoodAt, CancellationToken cancellationToken)
    {
        _backoff.Most = Spread > Backoff.DefaultMost ? Spread : Backoff.DefaultMost;
        bool areInStep = stoodAt is not null || !_hasHeldBack;
        _hasHeldBack = true;
        if (stoodAt is long since && time.GetElapsedTime(since) >= _backoff.Most)
            _backoff.Reset();
        if (areInStep && Spread > TimeSpan.Zero)
            await _backoff.SpreadAsync(Spread, cancellationToken).ConfigureAwait(false);
        await _backoff.DelayAsync(cancellationToken).ConfigureAwait(false);
    }

    private void Take(StoreChanges changes)
    {
        _seen = Math.Max(_seen, changes.Revision);
        foreach (StoreRecord record in changes.Records)
            _keys += record.IsDeleted ? -1 : record.CreateRevision == record.ModRevision ? 1 : 0;
        _keys = Math.Max(0, _keys);
    }

    // Reads are linearizable, so an older revision means a store that was set back. As that costs every agent its view, one answer of the
    // same cluster is not enough for it.
    private bool Believe(StoreSnapshot snapshot, out bool rewound, out StoreException? failure)
    {
        failure = null;
        bool sameCluster = _cluster == 0 || snapshot.ClusterId == _cluster;
        rewound = !sameCluster || snapshot.Revision < _seen;
        if (rewound && sameCluster && !_doubted)
        {
            _doubted = true;
            failure = new StoreException(StoreFault.Rewound, $"etcd answered with revision {snapshot.Revision}, older than {_seen} seen before; asking again");
            return false;
        }
        if (rewound)
            log.StoreRewound(path, snapshot.Revision, _seen);
        _doubted = false;
        _seen = snapshot.Revision;
        _cluster = snapshot.ClusterId;
        _keys = Math.Max(snapshot.Records.Count, _keys / 2); // after a wipe the nodes are still as many; if they really are fewer, it is believed step by step
        return true;
    }

    // An answer that a suspended machine finds when it wakes may be that of a store which has been emptied since, keeps its cluster id, and has
    // passed that revision. A list that takes so long by right is believed when it does so again.
    private bool IsOld(long asked)
    {
        _wasOld = !_wasOld && time.GetElapsedTime(asked) > FreshFor;
        return _wasOld;
    }

    // The store may have been replaced by one whose revision is no lower; the connection knows only which cluster anybody read last.
    private bool IsOtherCluster(StoreChanges changes) => changes.ClusterId != 0 && _cluster != 0 && changes.ClusterId != _cluster;

    private static async Task<(T? Result, StoreException? Failure)> TryAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return (await call().ConfigureAwait(false), null);
        }
        catch (StoreException e)
        {
            return (default, e);
        }
    }
}
