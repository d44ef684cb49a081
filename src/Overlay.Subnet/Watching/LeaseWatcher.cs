using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Following;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Watching;

/// <summary>
/// Learns the leases of all nodes and publishes each new state whole. Keeps the last state while etcd is away, and that of the other nodes for
/// half a minute when the store has been wiped, so that they can write their keys again. Logs every peer that comes, changes or goes.
/// </summary>
public sealed class LeaseWatcher
{
    private static readonly TimeSpan WipeGrace = TimeSpan.FromSeconds(30);
    private const int MaxLinesPerUpdate = 16;

    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly KeyFollower _follower;
    private readonly LeaseBook _book;
    private readonly Lock _gate = new();
    private readonly Channel<LeaseTable> _tables =
        Channel.CreateBounded<LeaseTable>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    /// <summary>Creates a watcher; nothing happens before <see cref="RunAsync"/>.</summary>
    /// <param name="store">The store.</param>
    /// <param name="ownPublicIP">This node's address, by which its own leases are told from its peers'.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">For the peers' comings and goings, and for those of etcd.</param>
    /// <param name="random">Spreads the retries; shared randomness by default.</param>
    /// <param name="known">
    /// What an earlier run knew. It is not published, but what comes is compared with it, so that a wipe between the runs is noticed like one
    /// during a run.
    /// </param>
    public LeaseWatcher(
        ILeaseStore store, IPAddress ownPublicIP, TimeProvider time, ILogger<LeaseWatcher> log, Random? random = null, LeaseTable? known = null)
    {
        _time = time;
        _log = log;
        Current = known ?? LeaseTable.Empty;
        _follower = new KeyFollower(store, StorePaths.Subnets, time, log, random, seen: Current.Revision);
        _book = new LeaseBook(ownPublicIP, Current.Leases.Values);
    }

    /// <summary>The newest table not yet read; older ones are dropped, since each is the whole state. The first is the first full snapshot.</summary>
    public ChannelReader<LeaseTable> Tables => _tables.Reader;

    /// <summary>The newest table; before the first snapshot that of an earlier run, or <see cref="LeaseTable.Empty"/>.</summary>
    public LeaseTable Current { get; private set; }

    /// <summary>Why the table may be out of date, in words; null while the watch stands.</summary>
    public string? WaitingFor => _follower.WaitingFor;

    /// <summary>Ends when etcd has failed to answer for the first time.</summary>
    public Task FirstFailure => _follower.FirstFailure;

    /// <summary>Follows the leases until cancelled. Call once.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using ITimer endOfGrace = _time.CreateTimer(_ => EndGrace(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        await foreach (FollowUpdate update in _follower.FollowAsync(cancellationToken).ConfigureAwait(false))
        {
            lock (_gate)
            {
                bool retained = _book.HasRetained;
                if (!Take(update))
                    continue;
                Publish(update.Revision, isFirst: Current == LeaseTable.Empty);
                if (_book.HasRetained && !retained)
                {
                    _log.StoreWiped(WipeGrace.TotalSeconds);
                    endOfGrace.Change(WipeGrace, Timeout.InfiniteTimeSpan);
                }
            }
        }
    }

    private bool Take(FollowUpdate update)
    {
        int rejected = 0;
        void Reject(string path, string reason)
        {
            if (++rejected <= MaxLinesPerUpdate)
                _log.EntryRejected(LogText.Escape(path), reason);
        }

        if (update.Kind is FollowKind.Snapshot or FollowKind.RewoundSnapshot)
            _book.Reset(update.Records, update.Kind == FollowKind.RewoundSnapshot, Reject);
        else if (update.Records.Count > 0)
            _book.Apply(update.Records, Reject);
        else
            return false;
        if (rejected > MaxLinesPerUpdate)
            _log.MoreEntriesRejected(rejected - MaxLinesPerUpdate);
        return true;
    }

    private void Publish(long revision, bool isFirst)
    {
        LeaseTable before = Current;
        Current = _book.Build(revision);
        _tables.Writer.TryWrite(Current);

        LeaseEvent[] events = [.. Current.ChangesSince(before)];
        if (isFirst || events.Length > MaxLinesPerUpdate)
            _log.LeasesRead(Current.Leases.Count, revision, events.Length);
        else
            Array.ForEach(events, Log);
        var known = before.Conflicts.ToHashSet();
        foreach (LeaseConflict conflict in Current.Conflicts.Where(conflict => !known.Contains(conflict)).Take(MaxLinesPerUpdate))
            _log.LeaseConflicts(conflict.Lease.Key, conflict.Lease.Attributes.PublicIP, conflict.Reason);
    }

    private void EndGrace()
    {
        lock (_gate)
        {
            _book.DropRetained();
            Publish(Current.Revision, isFirst: false);
        }
    }

    private void Log(LeaseEvent change)
    {
        if (change.After is Lease { Attributes: var now } after)
        {
            string backend = LogText.Escape(now.BackendType ?? "none");
            if (change.Before is null)
                _log.LeaseAdded(after.Key, now.PublicIP, backend, now.Vni, now.VtepMac);
            else
                _log.LeaseChanged(after.Key, change.Before.Attributes.PublicIP, now.PublicIP, backend, now.Vni, now.VtepMac);
        }
        else if (change.Before is Lease before)
        {
            _log.LeaseRemoved(before.Key, before.Attributes.PublicIP);
        }
    }
}
