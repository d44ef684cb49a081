using Overlay.Subnet.Store;

namespace Overlay.Simulation.Sabotage;

/// <summary>A store that passes everything on; what differs is overridden.</summary>
public abstract class StoreDecorator(ILeaseStore inner) : ILeaseStore
{
    protected ILeaseStore Inner => inner;

    /// <inheritdoc/>
    public virtual Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken) => inner.ReadAsync(path, cancellationToken);

    /// <inheritdoc/>
    public virtual IAsyncEnumerable<StoreChanges> WatchAsync(string path, long fromRevision, CancellationToken cancellationToken) =>
        inner.WatchAsync(path, fromRevision, cancellationToken);

    /// <inheritdoc/>
    public virtual Task<WriteResult> PutAsync(
        string path, ReadOnlyMemory<byte> value, long etcdLeaseId, StoreRecord? expected, CancellationToken cancellationToken) =>
        inner.PutAsync(path, value, etcdLeaseId, expected, cancellationToken);

    /// <inheritdoc/>
    public virtual Task<WriteResult> DeleteAsync(string path, StoreRecord expected, CancellationToken cancellationToken) =>
        inner.DeleteAsync(path, expected, cancellationToken);

    /// <inheritdoc/>
    public virtual Task<(long EtcdLeaseId, TimeSpan Ttl)> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken) =>
        inner.GrantAsync(ttl, cancellationToken);

    /// <inheritdoc/>
    public virtual Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken) =>
        inner.KeepAliveAsync(etcdLeaseId, cancellationToken);
}
