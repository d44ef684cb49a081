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
/// One loop does everything in order: it wakes when the key changes or when a duty is due, and does one try, to repair the key or to renew. A try
/// that fails is due again after a back-off.
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
/// <param name="nodes">How many nodes there are, as far as is known: what all of them do at once is spread accordingly. One where nobody says.</param>
public sealed class LeaseKeeper(
    ILeaseStore store, LeaseAcquirer acquirer, NetworkConfig config, OwnLease acquired, LeaseTiming timing, TimeProvider time, ILogger<LeaseKeeper> log,
    Random? random = null, TimeSpan? remaining = null, Func<int>? nodes = null)
{
    private static readonly TimeSpan DuplicateRetry = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MostSpread = TimeSpan.FromSeconds(20); // after a wipe the peers keep us for half a minute
    private static readonly Task NeverAsked = new TaskCompletionSource().Task;

    private readonly LeaseAgenda _agenda = new(time, random);
    private readonly ReasonThrottle _throttle = new(time);
    private readonly EtcdContact _contact = new(time);
    private readonly WantedAttributes _wanted = new(acquired.Attributes);
    private readonly Channel<LeaseHappening> _happenings = Channel.CreateUnbounded<LeaseHappening>();

    private StoreRecord? _standing; // our key as last seen or written; null for none
    private bool _needsEtcdLease; // the one in Lease is gone: grant another before writing
    private bool _isWatchLost = remaining is not null; // of a lease from an earlier run: etcd is away, or that run would not matter

    /// <summary>What happens to the lease, in order. For one reader, who should keep reading.</summary>
    public ChannelReader<LeaseHappening> Happenings => _happenings.Reader;

    /// <summary>The lease held now; after <see cref="LeaseHappening.Lost"/> still the old one until <see cref="LeaseHappening.Moved"/>.</summary>
    public OwnLease Lease { get; private set; } = acquired;

    /// <summary>Whether the loop still turns.</summary>
    public Pulse Pulse { get; } = new();

    private bool Renews => !Lease.IsReservation && !_needsEtcdLease;

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
        // Of an earlier run's lease nobody knows what stands there.
        _standing = Lease.ModRevision == 0 ? null : Written(Lease.Attributes.ToJson(), Lease.ModRevision);
        _needsEtcdLease = false;
        _agenda.Begin(left);
    }

    // Returns the other node that has taken our subnet.
    private async Task<LeaseAttributes> KeepAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // Not logged: the watcher of all leases tells the same.
        var follower = new KeyFollower(store, StorePaths.Subnet(Lease.Key), time, NullLogger.Instance, random, seen: Lease.ModRevision, nodes: nodes, mostSpread: MostSpread);
        await using IAsyncEnumerator<FollowUpdate> updates = follower.FollowAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        Task<bool> next = updates.MoveNextAsync().AsTask();
        try
        {
            while (true)
            {
                Pulse.Answer();
                LeaseAttributes? other = null;
                if (await DueAsync(next, cancellationToken).ConfigureAwait(false) is { } duty)
                {
                    other = await WorkAsync(duty, cancellationToken).ConfigureAwait(false);
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

    // Returns null when there is news of the key.
    private async Task<LeaseDuty?> DueAsync(Task next, CancellationToken cancellationToken)
    {
        while (!next.IsCompleted)
        {
            Task asked = _agenda.NeedsRepair ? NeverAsked : _wanted.ChangedFrom(Lease.Attributes);
            if (asked.IsCompleted)
                _agenda.RepairNow();
            if (!Lease.IsReservation && _agenda.TurnsOverdue())
            {
                log.LeaseOverdue(Lease.Key);
                Tell(new LeaseHappening.Overdue(Lease));
            }
            if (_agenda.Due(Renews) is { } duty)
                return duty;
            using var awake = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            TimeSpan rest = _agenda.Rest(Renews, expires: !Lease.IsReservation);
            await Task.WhenAny(next, asked, Pause.ForAsync(rest, time, awake.Token), Pulse.Asked).ConfigureAwait(false);
            Pulse.Answer();
            awake.Cancel();
            cancellationToken.ThrowIfCancellationRequested();
        }
        cancellationToken.ThrowIfCancellationRequested();
        return null;
    }

    private LeaseAttributes? Observe(FollowUpdate update)
    {
        if (update.Kind == FollowKind.Lost)
        {
            _isWatchLost = true;
            Tell(_contact.Lost(update.Failure!));
            return null;
        }
        if (update.Kind == FollowKind.Changes)
            HearAgain();
        if (update.Kind == FollowKind.Changes && update.Records.Count == 0) return null;
        if (update.Kind == FollowKind.RewoundSnapshot) Lease = Lease with { ModRevision = 0 }; // they start over: by ours of before all news were stale
        StoreRecord? record = update.Records.Count > 0 ? update.Records[^1] : null;
        // Older than our own last write: that write has answered it.
        return (update.Kind == FollowKind.Changes ? record!.ModRevision : update.Revision) < Lease.ModRevision ? null : Judge(record);
    }

    private void HearAgain()
    {
        _isWatchLost = false;
        if (_contact.Reached() is not { } back) return;
        Tell(back);
        _agenda.HurryUp(); // the lease may be gone, or have been given more time
    }

    private LeaseAttributes? Judge(StoreRecord? record)
    {
        if (record is { IsDeleted: false } && LeaseAttributes.TryParse(record.Value.Span, out LeaseAttributes? found, out _) && _wanted.IsOurs(found))
            Lease = Lease with { Attributes = found }; // perhaps with another address of ours, by a try whose answer was lost
        OwnKeyState state = OwnKey.Judge(record, Lease, out LeaseAttributes? other);
        if (state is OwnKeyState.Reserved or OwnKeyState.Doubled)
        {
            Adopt(record!);
            state = OwnKey.Judge(record, Lease, out other);
        }
        if (state == OwnKeyState.Foreign) return other;
        _standing = state == OwnKeyState.Gone ? null : record;
        if (state == OwnKeyState.Good && _agenda.NeedsRepair)
        {
            Restored(); // by a try whose answer was lost
        }
        else if (state == OwnKeyState.Good)
        {
            Lease = Lease with { ModRevision = record!.ModRevision };
        }
        else
        {
            _needsEtcdLease |= state == OwnKeyState.Gone && Lease.IsReservation; // the reservation was taken away; the subnet is still ours to lease
            _agenda.RepairNow();
            log.LeaseRestoring(Lease.Key, state == OwnKeyState.Gone ? "has vanished" : "was altered");
        }
        return null;
    }

    // What the key says is what it should: then its etcd lease is good enough, too. Two machines with one identity would write it in turn for ever,
    // each to attach it to its own (FAULTS C30).
    private void Adopt(StoreRecord record)
    {
        if (record.EtcdLeaseId != 0) log.LeaseAdopted(Lease.Key, record.EtcdLeaseId);
        Lease = Lease with { EtcdLeaseId = record.EtcdLeaseId };
        _needsEtcdLease = false;
        _agenda.RenewNow();
    }

    private async Task<LeaseAttributes?> WorkAsync(LeaseDuty duty, CancellationToken cancellationToken)
    {
        try
        {
            LeaseAttributes? other = null;
            if (duty == LeaseDuty.Repair)
                other = await RepairAsync(cancellationToken).ConfigureAwait(false);
            else await RenewAsync(cancellationToken).ConfigureAwait(false);
            if (!_isWatchLost) Tell(_contact.Reached());
            _agenda.Answered(duty);
            if (!_agenda.NeedsRepair) _throttle.Reset();
            return other;
        }
        catch (StoreException e)
        {
            _needsEtcdLease |= e.Fault == StoreFault.LeaseNotFound;
            _agenda.Failed(duty);
            bool isTold = e.IsLossOfContact && _isWatchLost; // by the watcher of all leases
            if (_throttle.ShouldLog(e)) log.LeaseNotRenewed(isTold ? LogLevel.Debug : LogLevel.Warning, Lease.Key, e.Message);
            if (e.Fault is StoreFault.Unreachable or StoreFault.Timeout) Tell(_contact.Lost(e));
            return null;
        }
    }

    private async Task<LeaseAttributes?> RepairAsync(CancellationToken cancellationToken)
    {
        if (_needsEtcdLease)
        {
            (long id, _) = await store.GrantAsync(timing.Ttl, cancellationToken).ConfigureAwait(false);
            Lease = Lease with { EtcdLeaseId = id };
            _needsEtcdLease = false;
        }
        LeaseAttributes wanted = _wanted.Current;
        byte[] value = wanted.ToJson();
        WriteResult result = await store.PutAsync(StorePaths.Subnet(Lease.Key), value, Lease.EtcdLeaseId, _standing, cancellationToken).ConfigureAwait(false);
        if (!result.Succeeded) return Judge(result.Current);
        Lease = Lease with { Attributes = wanted };
        _standing = Written(value, result.Revision);
        Restored();
        return null;
    }

    private StoreRecord Written(byte[] value, long revision) => new(StorePaths.Subnet(Lease.Key), value, Lease.EtcdLeaseId, CreateRevision: 0, revision);

    private void Restored()
    {
        _agenda.Repaired();
        Lease = Lease with { ModRevision = _standing!.ModRevision };
        log.LeaseRestored(Lease.Key, Lease.ModRevision);
        Tell(new LeaseHappening.Recreated(Lease));
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        TimeSpan asked = _agenda.Now;
        TimeSpan ttl = await store.KeepAliveAsync(Lease.EtcdLeaseId, cancellationToken).ConfigureAwait(false);
        if (ttl <= TimeSpan.Zero)
        {
            _needsEtcdLease = true;
            _standing = null; // the key died with its etcd lease; create-if-absent finds out whether somebody else has it
            _agenda.RepairNow();
            log.LeaseRestoring(Lease.Key, "has expired");
            return;
        }
        _agenda.Renewed(asked + ttl, asked + timing.RenewAfter(ttl));
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
