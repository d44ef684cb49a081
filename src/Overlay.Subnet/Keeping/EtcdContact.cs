using Overlay.Subnet.Store;

namespace Overlay.Subnet.Keeping;

/// <summary>Whether a keeper has contact with etcd: makes one happening of each loss, of each other trouble in its place, and of each return.</summary>
internal sealed class EtcdContact(TimeProvider time)
{
    private DateTimeOffset? _since;
    private string? _trouble;

    /// <summary>A try has failed for want of contact.</summary>
    /// <returns>What to tell; null for nothing new.</returns>
    public LeaseHappening? Lost(StoreException failure)
    {
        if (_trouble == failure.Trouble)
            return null;
        _trouble = failure.Trouble;
        _since ??= time.GetUtcNow();
        return new LeaseHappening.EtcdUnreachable(_since.Value, failure.Reason);
    }

    /// <summary>etcd has answered.</summary>
    /// <returns>What to tell; null for nothing new.</returns>
    public LeaseHappening? Reached()
    {
        if (_since is null)
            return null;
        (_since, _trouble) = (null, null);
        return new LeaseHappening.EtcdBack();
    }
}
