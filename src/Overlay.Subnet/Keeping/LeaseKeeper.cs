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
/// One loop does everything in order: it wakes when the key changes or when a duty is due, and does one try of it. A try that fails is due again
/// after a back-off. What the key says is judged in <c>LeaseKeeper.Key.cs</c>, the duties are done in <c>LeaseKeeper.Duties.cs</c>.
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
public sealed partial class LeaseKeeper(
    ILeaseStore store, LeaseAcquirer acquirer, NetworkConfig config, OwnLease acquired, LeaseTiming timing, TimeProvider time, ILogger<LeaseKeeper> log,
    Random? random = null, TimeSpan? remaining = null, Func<int>? nodes = null)
{
    private static readonly TimeSpan DuplicateRetry = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MostSpread = TimeSpan.FromSeconds(20); // after a wipe the peers keep us for half a minute
    private static readonly Task NeverAsked = new TaskCompletionSource().Task;

    private readonly LeaseAgenda _agenda = new(time, random, () => KeyFollower.SpreadOf(nodes?.Invoke() ?? 1, MostSpread));
    private readonly ReasonThrottle _throttle = new(time);
    private readonly EtcdContact _contact = new(time);
    private readonly WantedAttributes _wanted = new(acquired.Attributes);
    private readonly Channel<LeaseHappening> _happenings = Channel.CreateUnbounded<LeaseHappening>();

    private NetworkConfig _config = config; // to move within: the newest of the same network
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
        Started(remaining);
        while (true)
        {
            LeaseAttributes other = await KeepAsync(cancellationToken).ConfigureAwait(false);
            await MoveAsync(other, cancellationToken).ConfigureAwait(false);
            Started(left: null);
        }
    }

    /// <summary>Says in the key that peers reach this node at another address; tried again until it stands there. Any thread may call.</summary>
    public void Republish(System.Net.IPAddress publicIp) => _wanted.Readdress(publicIp);

    private void Started(TimeSpan? left)
    {
        // Of an earlier run's lease nobody knows what stands there.
        _standing = Lease.ModRevision == 0 ? null : Written(Lease.Attributes.ToJson(), Lease.ModRevision);
        _needsEtcdLease = false;
        _agenda.Begin(left ?? timing.Ttl);
        if (left is null && !Lease.IsReservation)
            Renewed(timing.Ttl, _agenda.Now); // just now, by the acquirer
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

    // Returns null when there is news of the key. What is due comes first: news may come faster than they can be taken.
    private async Task<LeaseDuty?> DueAsync(Task next, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Task asked = _agenda.NeedsRepair ? NeverAsked : _wanted.ChangedFrom(Lease.Attributes);
            if (asked.IsCompleted)
                _agenda.RepairSoon();
            if (!Lease.IsReservation && _agenda.TurnsOverdue())
            {
                log.LeaseOverdue(Lease.Key);
                Tell(new LeaseHappening.Overdue(Lease));
            }
            if (_agenda.Due(Renews) is { } duty)
                return duty;
            if (next.IsCompleted)
                return null;
            using var awake = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            TimeSpan rest = _agenda.Rest(Renews, expires: !Lease.IsReservation);
            await Task.WhenAny(next, asked, Pause.ForAsync(rest, time, awake.Token), Pulse.Asked).ConfigureAwait(false);
            Pulse.Answer();
            awake.Cancel();
        }
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
                Task<OwnLease> acquiring = acquirer.AcquireAsync(_config, _wanted.Current, [old.Subnet], cancellationToken);
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
