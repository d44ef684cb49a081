using Microsoft.Extensions.Logging;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Etcd;

/// <summary>The store on a real etcd.</summary>
public sealed class EtcdLeaseStore(EtcdOptions options, ILogger<EtcdLeaseStore> log) : ILeaseStore, IDisposable
{
    /// <inheritdoc/>
    public Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken) => throw new NotImplementedException($"{options} {log}");

    /// <inheritdoc/>
    public IAsyncEnumerable<StoreChanges> WatchAsync(string path, long fromRevision, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <inheritdoc/>
    public Task<WriteResult> PutAsync(
        string path, ReadOnlyMemory<byte> value, long etcdLeaseId, long expectedRevision, CancellationToken cancellationToken) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public Task<WriteResult> DeleteAsync(string path, long expectedRevision, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <inheritdoc/>
    public Task<(long EtcdLeaseId, TimeSpan Ttl)> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <inheritdoc/>
    public Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
