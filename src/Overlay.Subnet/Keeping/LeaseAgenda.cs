using Overlay.Subnet.Following;

namespace Overlay.Subnet.Keeping;

/// <summary>What may be due for a lease.</summary>
internal enum LeaseDuty
{
    /// <summary>Renew its etcd lease.</summary>
    Renew,

    /// <summary>Write its key again.</summary>
    Repair,

    /// <summary>Look whether another node claims the same.</summary>
    Confirm,
}

/// <summary>
/// When to do what for a lease: renew it, write its key again, look for rivals, raise the alarm because it has run out. Each duty has a back-off of
/// its own, so that a key which etcd does not take, or somebody else writes in turn, never keeps the lease from being renewed. Not safe for
/// concurrent use.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="random">Spreads what all nodes do; shared randomness by default.</param>
/// <param name="spread">The time over which the whole fleet spreads, now.</param>
internal sealed class LeaseAgenda(TimeProvider time, Random? random, Func<TimeSpan> spread)
{
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(10); // a key that has stood for so long was worth writing
    private static readonly TimeSpan LeastRest = TimeSpan.FromSeconds(1);

    private readonly long _start = time.GetTimestamp();
    private readonly Dictionary<LeaseDuty, Backoff> _backoffs = Enum.GetValues<LeaseDuty>().ToDictionary(duty => duty, _ => new Backoff(time, random: random));
    private TimeSpan _renewAt;
    private TimeSpan _renewedAt;
    private TimeSpan? _repairAt;
    private TimeSpan? _repairedAt;
    private TimeSpan? _confirmAt;
    private TimeSpan _expiresAt;
    private bool _isOverdue;

    /// <summary>Monotonic time.</summary>
    public TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>The key is not as it should be.</summary>
    public bool NeedsRepair => _repairAt is not null;

    /// <summary>Starts over with a lease; it is renewed at once, to learn how long it lives.</summary>
    public void Begin(TimeSpan left)
    {
        (_renewAt, _expiresAt, _isOverdue) = (Now, Now + left, false);
        _repairAt = _repairedAt = _confirmAt = null;
        foreach (Backoff backoff in _backoffs.Values)
            backoff.Reset();
    }

    /// <summary>Nothing is worth waiting for any more, such as the end of a back-off.</summary>
    public void HurryUp() => (_renewAt, _repairAt) = (Now, NeedsRepair ? Now : null);

    /// <summary>The lease may live for another time than was thought.</summary>
    public void RenewSoon() => _renewAt = Later(Now, _renewedAt + LeastRest);

    /// <summary>The key has to be written: now, or after a back-off if it was written only just before, since then somebody writes it in turn.</summary>
    public void RepairSoon()
    {
        if (NeedsRepair)
            return;
        bool isContested = _repairedAt is { } last && Now - last < Settled;
        if (!isContested)
            _backoffs[LeaseDuty.Repair].Reset();
        _repairAt = isContested ? Now + Rest(LeaseDuty.Repair) : Now;
    }

    /// <summary>The key stands as never before: who else claims the same is looked for when the fleet's turn comes to this node.</summary>
    public void ConfirmSoon() => _confirmAt ??= Now + LeastRest + (spread() * (random ?? Random.Shared).NextDouble());

    /// <summary>etcd has renewed the lease.</summary>
    public void Renewed(TimeSpan expiresAt, TimeSpan renewAt)
    {
        (_expiresAt, _renewAt, _renewedAt, _isOverdue) = (expiresAt, renewAt, Now, false);
        _backoffs[LeaseDuty.Renew].Reset();
    }

    /// <summary>The key stands as it should; what its lease is worth, a renewal tells.</summary>
    public void Repaired() => (_repairAt, _repairedAt, _renewAt) = (null, Now, Now);

    /// <summary>Rivals were looked for.</summary>
    /// <param name="again">When to look again; null for not before the key is written.</param>
    public void Confirmed(TimeSpan? again)
    {
        _confirmAt = Now + again;
        _backoffs[LeaseDuty.Confirm].Reset();
    }

    /// <summary>A try has failed: again after a back-off.</summary>
    public void Failed(LeaseDuty duty)
    {
        TimeSpan at = Now + Rest(duty);
        if (duty == LeaseDuty.Repair)
            _repairAt = at;
        else if (duty == LeaseDuty.Renew)
            _renewAt = at;
        else
            _confirmAt = at;
    }

    /// <summary>The duty to do now; null for none yet.</summary>
    /// <param name="renews">The lease is one that is renewed.</param>
    public LeaseDuty? Due(bool renews) => _repairAt <= Now ? LeaseDuty.Repair
        : renews && _renewAt <= Now ? LeaseDuty.Renew
        : _confirmAt <= Now && !NeedsRepair ? LeaseDuty.Confirm : null;

    /// <summary>True once when the lease has run out unrenewed.</summary>
    public bool TurnsOverdue()
    {
        bool turns = !_isOverdue && Now >= _expiresAt;
        _isOverdue |= turns;
        return turns;
    }

    /// <summary>How long nothing is due; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</summary>
    /// <param name="renews">The lease is one that is renewed.</param>
    /// <param name="expires">And one that runs out.</param>
    public TimeSpan Rest(bool renews, bool expires)
    {
        TimeSpan until = _repairAt ?? _confirmAt ?? TimeSpan.MaxValue;
        if (renews && _renewAt < until)
            until = _renewAt;
        if (expires && !_isOverdue && _expiresAt < until)
            until = _expiresAt;
        return until == TimeSpan.MaxValue ? Timeout.InfiniteTimeSpan : Later(until - Now, TimeSpan.Zero);
    }

    // Of a fleet that etcd's absence makes retry, only so many nodes a second.
    private TimeSpan Rest(LeaseDuty duty)
    {
        _backoffs[duty].Most = Later(spread(), Backoff.DefaultMost);
        return _backoffs[duty].Next();
    }

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
