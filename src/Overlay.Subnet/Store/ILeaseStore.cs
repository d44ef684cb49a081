namespace Overlay.Subnet.Store;

/// <summary>
/// The few operations the control plane needs of etcd. Every read is linearizable and every write a compare-and-swap on the key.
/// Safe for concurrent use. Each call ends within a bounded time, whatever the server does, and fails with <see cref="StoreException"/> (or
/// <see cref="OperationCanceledException"/> for the caller's own token); nothing is retried inside (but for a stale
/// login), since callers retry for ever with a <see cref="Following.Backoff"/>.
/// </summary>
public interface ILeaseStore
{
    /// <summary>Reads one key, or with a path that ends in a slash every key below it, all at one revision.</summary>
    Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken);

    /// <summary>
    /// Watches a path (as in <see cref="ReadAsync"/>) from <paramref name="fromRevision"/> on. The first batch is empty and says that the
    /// watch stands. Never ends by itself: it throws <see cref="StoreException"/>, with <see cref="StoreFault.Compacted"/> or
    /// <see cref="StoreFault.Rewound"/> when only a fresh read helps, and otherwise can be resumed. A stalled connection is noticed within 15 s.
    /// </summary>
    IAsyncEnumerable<StoreChanges> WatchAsync(string path, long fromRevision, CancellationToken cancellationToken);

    /// <summary>
    /// Writes a key if it is still as it was seen: the last write at the same revision, and the same value, since the same revision of a store that
    /// was set back meanwhile is another write. Saying it again with the same arguments after a failure is safe and also the way to learn the
    /// outcome: when the key already holds this value and etcd lease, the call succeeds.
    /// </summary>
    /// <param name="path">The key.</param>
    /// <param name="value">The new value.</param>
    /// <param name="etcdLeaseId">The etcd lease to attach the key to; 0 for none.</param>
    /// <param name="expected">The key as last seen; null for one that must not exist.</param>
    /// <param name="cancellationToken">Gives up waiting; the write may still happen.</param>
    Task<WriteResult> PutAsync(
        string path, ReadOnlyMemory<byte> value, long etcdLeaseId, StoreRecord? expected, CancellationToken cancellationToken);

    /// <summary>Deletes a key if it is still as it was seen. A key that is already gone counts as success.</summary>
    Task<WriteResult> DeleteAsync(string path, StoreRecord expected, CancellationToken cancellationToken);

    /// <summary>Makes an etcd lease that lives for <paramref name="ttl"/> without renewal.</summary>
    /// <returns>Its id, never 0, and the time to live that etcd gave it.</returns>
    Task<(long EtcdLeaseId, TimeSpan Ttl)> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken);

    /// <summary>Renews an etcd lease.</summary>
    /// <returns>Its time to live from now; zero when the lease does not exist (any more).</returns>
    Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken);
}
