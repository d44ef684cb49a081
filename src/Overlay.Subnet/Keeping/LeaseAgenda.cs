using Overlay.Subnet.Following;

namespace Overlay.Subnet.Keeping;

/// <summary>
/// When to do what for a lease: renew it, write its key again, raise the alarm because it has run out. Each duty has a back-off of its own, so
/// that a key which etcd does not take never keeps the lease from being renewed. Not safe for concurrent use.
/// </summary>
internal sealed class LeaseAgenda(TimeProvider time, Random? random)
{
    private readonly long _start = time.GetTimestamp();
    private readonly Backoff _renewals = new(time, random: random);
    private readonly Backoff _repairs = new(time, random: random);
    private TimeSpan _renewAt;
    private TimeSpan? _repairAt;
    private TimeSpan _expiresAt;
    private bool _isOverdue;

    /// <summary>Monotonic time.</summary>
    public TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>The key is not as it should be.</summary>
    public bool NeedsRepair => _repairAt is not null;

    /// <summary>Starts over with a lease; it is renewed at once, to learn how long it lives.</summary>
    public void Begin(TimeSpan left)
    {
        (_renewAt, _repairAt, _expiresAt, _isOverdue) = (Now, null, Now + left, false);
        _renewals.Reset();
        _repairs.Reset();
    }

    /// <summary>Nothing is worth waiting for any more, such as the end of a back-off.</summary>
    public void HurryUp() => (_renewAt, _repairAt) = (Now, NeedsRepair ? Now : null);

    /// <summary>The lease may live for another time than was thought.</summary>
    public void RenewNow() => _renewAt = Now;

    /// <summary>The key has to be written.</summary>
    public void RepairNow() => _repairAt = Now;

    /// <summary>etcd has renewed the lease.</summary>
    public void Renewed(TimeSpan expiresAt, TimeSpan renewAt) => (_expiresAt, _renewAt, _isOverdue) = (expiresAt, renewAt, false);

    /// <summary>The key stands as it should; what its lease is worth, a renewal tells.</summary>
    public void Repaired() => (_repairAt, _renewAt) = (null, Now);

    /// <summary>etcd has given an answer to a duty.</summary>
    public void Answered(LeaseDuty duty) => BackoffOf(duty).Reset();

    /// <summary>A try has failed: again after a back-off.</summary>
    public void Failed(LeaseDuty duty)
    {
        TimeSpan at = Now + BackoffOf(duty).Next();
        if (duty == LeaseDuty.Repair)
            _repairAt = at;
        else
            _renewAt = at;
    }

    /// <summary>The duty to do now; null for none yet.</summary>
    /// <param name="renews">The lease is one that is renewed.</param>
    public LeaseDuty? Due(bool renews) => _repairAt <= Now ? LeaseDuty.Repair : renews && _renewAt <= Now ? LeaseDuty.Renew : null;

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
        TimeSpan until = _repairAt ?? TimeSpan.MaxValue;
        if (renews && _renewAt < until)
            until = _renewAt;
        if (expires && !_isOverdue && _expiresAt < until)
            until = _expiresAt;
        return until == TimeSpan.MaxValue ? Timeout.InfiniteTimeSpan : until > Now ? until - Now : TimeSpan.Zero;
    }

    private Backoff BackoffOf(LeaseDuty duty) => duty == LeaseDuty.Repair ? _repairs : _renewals;
}
