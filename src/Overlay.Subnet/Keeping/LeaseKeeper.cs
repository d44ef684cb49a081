using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Following;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Keeping;

/// <summary>
/// Keeps the subnet this node has acquired: renews its etcd lease, watches its key, writes it again when it has vanished, and moves to another
/// subnet only when another node holds this one. Never overwrites another node's key and never gives up because etcd is away.
/// </summary>
/// <remarks>
/// One loop does everything in order: it wakes when the key changes or when work is due, and work is one try, to repair the key if it needs that
/// and otherwise to renew. A try that fails is due again after a back-off.
/// </remarks>
/// <param name="store">The store.</param>
/// <param name="acquirer">Used to move to another subnet.</param>
/// <param name="config">The network to move within.</param>
/// <param name="acquired">The lease to keep.</param>
/// <param name="timing">How long etcd leases live and when they are renewed.</param>
/// <param name="time">The clock; only its monotonic part decides.</param>
/// <param name="log">For what happens to the lease.</param>
/// <param name="random">Spreads the retries; shared randomness by default.</param>
/// <param name="remaining">What is left of the life of a lease that an earlier run acquired, as far as is known; null for a whole life.</param>
public sealed class LeaseKeeper(
    ILeaseStore store, LeaseAcquirer acquirer, NetworkConfig config, OwnLease acquired, LeaseTiming timing, TimeProvider time, ILogger<LeaseKeeper> log,
    Random? random = null, TimeSpan? remaining = null)
{
    private static readonly TimeSpan DuplicateRetry = TimeSpan.FromMinutes(1);
    private static readonly Task NeverAsked = new TaskCompletionSource().Task;

    private readonly Backoff _backoff = new(time, random: random);
    private readonly ReasonThrottle _throttle = new(time);
    private readonly EtcdContact _contact = new(time);
    private readonly long _start = time.GetTimestamp();
    private readonly WantedAttributes _wanted = new(acquired.Attributes);
    private readonly Channel<LeaseHappening> _happenings = Channel.CreateUnbounded<LeaseHappening>();

    private bool _needsEtcdLease; // the one in Lease is gone: grant another before writing
    private long? _repair; // the key needs writing, over this revision; null when it is good
    private TimeSpan _due; // when to work next
    private TimeSpan _expires; // when the lease has run out unless renewed
    private bool _overdue;
    private bool _isWatchLost = remaining is not null; // of a lease from an earlier run: etcd is away, or that run would not matter

    /// <summary>What happens to the lease, in order. For one reader, who should keep reading.</summary>
    public ChannelReader<LeaseHappening> Happenings => _happenings.Reader;

    /// <summary>The lease held now; after <see cref="LeaseHappening.Lost"/> still the old one until <see cref="LeaseHappening.Moved"/>.</summary>
    public OwnLease Lease { get; private set; } = acquired;

    /// <summary>Whether the loop still turns.</summary>
    public Pulse Pulse { get; } = new();

    private TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>Keeps the lease until cancelled; then the key stays as it is, as flannel leaves it. Call once.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        log.LeaseHeld(Lease.Key, Lease.EtcdLeaseId);
        Started(remaining ?? timing.Ttl);
        while (true)
        {
            LeaseAttributes other = await KeepAsync(cancellationToken).ConfigureAwait(false);
            await MoveAsync(other, cancellationToken).ConfigureAwait(false);
            Started(timing.Ttl);
        }
    }

    /// <summary>Says in the key that peers reach this node at another address; tried again until it stands there. Any thread may call.</summary>
    public void Republish(System.Net.IPAddress publicIp) => _wanted.Readdress(publicIp);

    private void Started(TimeSpan left)
    {
        _repair = null;
        _needsEtcdLease = false;
        _due = Now; // renew at once, to learn how long the lease lives
        _expires = Now + left;
        _overdue = false;
        _backoff.Reset();
    }

    // Returns the other node that has taken our subnet.
    private async Task<LeaseAttributes> KeepAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // Not logged: the watcher of all leases tells the same.
        var follower = new KeyFollower(store, StorePaths.Subnet(Lease.Key), time, NullLogger.Instance, random);
        await using IAsyncEnumerator<FollowUpdate> updates = follower.FollowAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        Task<bool> next = updates.MoveNextAsync().AsTask();
        try
        {
            while (true)
            {
                Pulse.Answer();
                LeaseAttributes? other = null;
                if (await IsDueAsync(next, cancellationToken).ConfigureAwait(false))
                {
                    other = await WorkAsync(cancellationToken).ConfigureAwait(false);
                }
                else if (await next.ConfigureAwait(false))
                {
                    other = Observe(updates.Current);
                    next = updates.MoveNextAsync().AsTask();
                }
                if (other is not null) return other;
            }
        }
        finally
        {
            stop.Cancel(); // here and not on another thread, so that a simulation repeats exactly
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> IsDueAsync(Task next, CancellationToken cancellationToken)
    {
        while (!next.IsCompleted)
        {
            TimeSpan now = Now;
            Task asked = _repair is null ? _wanted.ChangedFrom(Lease.Attributes) : NeverAsked;
            if (asked.IsCompleted)
            {
                _repair = Lease.ModRevision;
                _due = now;
            }
            if (Lease.IsReservation && _repair is null)
            {
                await Pulse.AnsweringAsync(Task.WhenAny(next, asked)).ConfigureAwait(false); // next ends with the token, too
                continue;
            }
            if (now >= _expires && !_overdue)
            {
                _overdue = true;
                log.LeaseOverdue(Lease.Key);
                Tell(new LeaseHappening.Overdue(Lease));
            }
            if (now >= _due)
                return true;
            TimeSpan until = _overdue || _due < _expires ? _due : _expires;
            using var awake = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(next, asked, Pause.ForAsync(until - now, time, awake.Token), Pulse.Asked).ConfigureAwait(false);
            Pulse.Answer();
            awake.Cancel();
            cancellationToken.ThrowIfCancellationRequested();
        }
        cancellationToken.ThrowIfCancellationRequested();
        return false;
    }

    private LeaseAttributes? Observe(FollowUpdate update)
    {
        _isWatchLost = update.Kind == FollowKind.Lost;
        LeaseHappening? contact = _isWatchLost ? _contact.Lost(update.Failure!.Message) : _contact.Reached();
        Tell(contact);
        if (_isWatchLost) return null;
        if (contact is not null) _due = Now; // the lease may be gone, or have been given more time
        if (update.Kind == FollowKind.Changes && update.Records.Count == 0) return null;
        if (update.Kind == FollowKind.RewoundSnapshot) Lease = Lease with { ModRevision = 0 }; // they start over: by ours of before all news were stale
        StoreRecord? record = update.Records.Count > 0 ? update.Records[^1] : null;
        // Older than our own last write: that write has answered it.
        return (update.Kind == FollowKind.Changes ? record!.ModRevision : update.Revision) < Lease.ModRevision ? null : Judge(record);
    }

    private LeaseAttributes? Judge(StoreRecord? record)
    {
        if (record is { IsDeleted: false } && LeaseAttributes.TryParse(record.Value.Span, out LeaseAttributes? found, out _) && _wanted.IsOurs(found))
            Lease = Lease with { Attributes = found }; // perhaps with another address of ours, by a try whose answer was lost
        OwnKeyState state = OwnKey.Judge(record, Lease, out LeaseAttributes? other);
        if (state == OwnKeyState.Reserved)
        {
            Lease = Lease with { EtcdLeaseId = 0 };
            _needsEtcdLease = false;
            state = OwnKey.Judge(record, Lease, out other);
        }
        if (state == OwnKeyState.Good && _repair is not null)
        {
            Restored(record!.ModRevision); // by a try whose answer was lost
        }
        else if (state == OwnKeyState.Good)
        {
            Lease = Lease with { ModRevision = record!.ModRevision };
        }
        else if (state != OwnKeyState.Foreign)
        {
            bool gone = state == OwnKeyState.Gone;
            _needsEtcdLease |= gone && Lease.IsReservation; // the reservation was taken away; the subnet is still ours to lease
            _repair = gone ? 0 : record!.ModRevision;
            _due = Now;
            log.LeaseRestoring(Lease.Key, gone ? "has vanished" : "was altered");
        }
        return other;
    }

    private async Task<LeaseAttributes?> WorkAsync(CancellationToken cancellationToken)
    {
        try
        {
            LeaseAttributes? other = null;
            if (_repair is long expected)
                other = await RepairAsync(expected, cancellationToken).ConfigureAwait(false);
            else
                await RenewAsync(cancellationToken).ConfigureAwait(false);
            Tell(_contact.Reached());
            _backoff.Reset();
            _throttle.Reset();
            return other;
        }
        catch (StoreException e)
        {
            _needsEtcdLease |= e.Fault == StoreFault.LeaseNotFound;
            _due = Now + _backoff.Next();
            bool isTold = e.IsLossOfContact && _isWatchLost; // by the watcher of all leases
            if (_throttle.ShouldLog(e)) log.LeaseNotRenewed(isTold ? LogLevel.Debug : LogLevel.Warning, Lease.Key, e.Message);
            if (e.Fault is StoreFault.Unreachable or StoreFault.Timeout) Tell(_contact.Lost(e.Message));
            return null;
        }
    }

    private async Task<LeaseAttributes?> RepairAsync(long expectedRevision, CancellationToken cancellationToken)
    {
        if (_needsEtcdLease)
        {
            (long id, _) = await store.GrantAsync(timing.Ttl, cancellationToken).ConfigureAwait(false);
            Lease = Lease with { EtcdLeaseId = id };
            _needsEtcdLease = false;
        }
        LeaseAttributes wanted = _wanted.Current;
        WriteResult result = await store.PutAsync(
            StorePaths.Subnet(Lease.Key), wanted.ToJson(), Lease.EtcdLeaseId, expectedRevision, cancellationToken).ConfigureAwait(false);
        if (!result.Succeeded)
            return Judge(result.Current);
        Lease = Lease with { Attributes = wanted };
        Restored(result.Revision);
        return null;
    }

    private void Restored(long revision)
    {
        _repair = null;
        _due = Now; // renew next, which tells how long the lease lives
        Lease = Lease with { ModRevision = revision };
        log.LeaseRestored(Lease.Key, revision);
        Tell(new LeaseHappening.Recreated(Lease));
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        TimeSpan asked = Now;
        TimeSpan ttl = await store.KeepAliveAsync(Lease.EtcdLeaseId, cancellationToken).ConfigureAwait(false);
        if (ttl <= TimeSpan.Zero)
        {
            _needsEtcdLease = true;
            _repair = 0; // the key died with its etcd lease; create-if-absent finds out whether somebody else has it
            _due = Now;
            log.LeaseRestoring(Lease.Key, "has expired");
            return;
        }
        _expires = asked + ttl;
        _due = asked + timing.RenewAfter(ttl);
        _overdue = false;
        log.LeaseRenewed(Lease.Key, ttl.TotalSeconds);
        Tell(new LeaseHappening.Renewed(Lease, ttl));
    }

    private async Task MoveAsync(LeaseAttributes other, CancellationToken cancellationToken)
    {
        OwnLease old = Lease;
        log.LeaseLost(old.Key, old.Attributes.PublicIP, other.PublicIP, other.NodeId ?? "none: flannel");
        Tell(new LeaseHappening.Lost(old, other));
        while (true)
        {
            try
            {
                Task<OwnLease> acquiring = acquirer.AcquireAsync(config, _wanted.Current, [old.Subnet], cancellationToken);
                await Pulse.AnsweringAsync(acquiring).ConfigureAwait(false); // without etcd it takes for ever, and each try has a deadline
                Lease = await acquiring.ConfigureAwait(false);
                break;
            }
            catch (DuplicatePublicIpException e)
            {
                log.DuplicateWhileMoving(e.Message);
                await Pulse.AnsweringAsync(Pause.ForAsync(DuplicateRetry, time, cancellationToken)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        log.LeaseMoved(old.Key, Lease.Key);
        Tell(new LeaseHappening.Moved(old, Lease, other));
    }

    private void Tell(LeaseHappening? happening) => _ = happening is null || _happenings.Writer.TryWrite(happening);
}
