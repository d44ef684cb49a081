using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Following;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Watching;

/// <summary>
/// Learns the leases of all nodes and publishes each new state whole. Keeps the last state while etcd is away, and that of the other nodes for
/// a while when the store has been wiped, so that they can write their keys again. Logs every peer that comes, changes or goes.
/// </summary>
/// <remarks>
/// After a wipe an agent of ours writes its key as soon as it sees etcd: it has half a minute for it. flanneld sees nothing: its watch waits in
/// silence at a revision of the future, its kernel forwards as before, and its key comes back with its next renewal, within the 24 hours that
/// its etcd lease would have had. So it has these, unless its subnet has a new owner meanwhile.
/// </remarks>
public sealed class LeaseWatcher
{
    private static readonly TimeSpan WipeGrace = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FlannelGrace = TimeSpan.FromHours(24);

    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly LeaseNews _news;
    private readonly KeyFollower _follower;
    private readonly LeaseBook _book;
    private readonly Pace _pace;
    private readonly Lock _gate = new();
    private readonly Channel<LeaseTable> _tables =
        Channel.CreateBounded<LeaseTable>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    private long _revision;
    private bool _isHeldBack;
    private bool _isFlannelOverdue;

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
        _news = new LeaseNews(time, log);
        _follower = new KeyFollower(store, StorePaths.Subnets, time, log, random, seen: Current.Revision, keys: Current.Leases.Count);
        _book = new LeaseBook(ownPublicIP, Current.Leases.Values);
        _pace = new Pace(time);
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
        await using ITimer endOfDay = _time.CreateTimer(_ => EndFlannelGrace(), null, _book.HasRetained ? FlannelGrace : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        await using ITimer endOfRest = _time.CreateTimer(_ => PublishHeldBack(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        await foreach (FollowUpdate update in _follower.FollowAsync(cancellationToken).ConfigureAwait(false))
        {
            lock (_gate)
            {
                bool stands = update.Kind == FollowKind.Changes && update.Records.Count == 0;
                bool isNews = !stands && update.Kind != FollowKind.Lost;
                bool wiped = isNews && Take(update);
                if (_book.HasRetained && (wiped || update.Kind != FollowKind.Changes || stands))
                    endOfGrace.Change(WipeGrace, Timeout.InfiniteTimeSpan); // before anybody sees the table
                if (_book.HasRetained && wiped)
                {
                    _isFlannelOverdue = false;
                    endOfDay.Change(FlannelGrace, Timeout.InfiniteTimeSpan);
                    _log.StoreWiped(WipeGrace.TotalSeconds, FlannelGrace.TotalHours);
                }
                if (isNews)
                    PublishSoon(endOfRest);
            }
        }
    }

    /// <summary>This node has another address now: its own lease is the one that carries it. Any thread may call.</summary>
    public void Readdress(IPAddress ownPublicIP)
    {
        lock (_gate)
        {
            _book.OwnPublicIP = ownPublicIP;
            if (_revision > 0)
                _pace.Run(Publish);
        }
    }

    // Returns whether the store was wiped.
    private bool Take(FollowUpdate update)
    {
        _revision = update.Revision;
        return update.Kind == FollowKind.Changes
            ? _book.Apply(update.Records, _news.Reject) : _book.Reset(update.Records, update.Kind == FollowKind.RewoundSnapshot, _news.Reject);
    }

    // A table holds every lease, so building one for each of ten thousand changes a second would be all this process does. What changes while
    // the last table is a fresh one goes into the next, and of a key that changes twice only the newest state is ever seen (FAULTS L5).
    private void PublishSoon(ITimer endOfRest)
    {
        TimeSpan rest = _pace.Remaining;
        if (rest <= TimeSpan.Zero)
        {
            _pace.Run(Publish);
        }
        else if (!_isHeldBack)
        {
            _isHeldBack = true;
            endOfRest.Change(rest, Timeout.InfiniteTimeSpan);
        }
    }

    private void PublishHeldBack()
    {
        lock (_gate)
        {
            if (_isHeldBack)
                _pace.Run(Publish);
        }
    }

    private void Publish()
    {
        _isHeldBack = false;
        LeaseTable before = Current;
        Current = _book.Build(_revision);
        _tables.Writer.TryWrite(Current);
        _news.Tell(before, Current);
    }

    // Nodes come back by way of etcd, so the time does not count while it is away; when the watch stands again it begins anew.
    private void EndGrace()
    {
        lock (_gate)
        {
            if (_follower.WaitingFor is not null)
                return;
            _book.DropRetained(_isFlannelOverdue);
            _pace.Run(Publish);
        }
    }

    // While etcd is away flanneld cannot renew, and tries once a minute: it then has the half minute after etcd's return.
    private void EndFlannelGrace()
    {
        lock (_gate)
            _isFlannelOverdue = true;
        EndGrace();
    }
}
