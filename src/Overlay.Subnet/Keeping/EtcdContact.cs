namespace Overlay.Subnet.Keeping;

/// <summary>Whether a keeper has contact with etcd: makes one happening of each loss and one of each return.</summary>
internal sealed class EtcdContact(TimeProvider time)
{
    private long? _lostAt;

    /// <summary>A try has failed for want of contact.</summary>
    /// <returns>What to tell; null for nothing new.</returns>
    public LeaseHappening? Lost(string reason)
    {
        if (_lostAt is not null)
            return null;
        _lostAt = time.GetTimestamp();
        return new LeaseHappening.EtcdUnreachable(time.GetUtcNow(), reason);
    }

    /// <summary>etcd has answered.</summary>
    /// <returns>What to tell; null for nothing new.</returns>
    public LeaseHappening? Reached()
    {
        if (_lostAt is not long since)
            return null;
        _lostAt = null;
        return new LeaseHappening.EtcdBack(time.GetElapsedTime(since));
    }
}
