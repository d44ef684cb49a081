using System.Runtime.CompilerServices;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Tests.Following;

/// <summary>A store that answers at once, on the caller's thread, as a test tells it; and that notes when it was read.</summary>
internal sealed class ScriptedStore(TimeProvider time) : ILeaseStore
{
    private long _revision = 1000;
    private TaskCompletionSource<StoreChanges> _next = new();

    /// <summary>How many keys there are to read.</summary>
    public int Keys { get; set; }

    /// <summary>What every read fails with; null for success.</summary>
    public StoreException? ReadFailure { get; set; }

    /// <summary>What every watch ends with as soon as it stands; null for one that stays.</summary>
    public StoreException? WatchFailure { get; set; }

    /// <summary>Happens between the next read and its answer.</summary>
    public Action? WhileReading { get; set; }

    /// <summary>When it was read, failures included.</summary>
    public List<DateTimeOffset> Reads { get; } = [];

    /// <summary>Ends the watch that stands.</summary>
    public void Break(StoreException reason)
    {
        TaskCompletionSource<StoreChanges> next = _next;
        _next = new TaskCompletionSource<StoreChanges>();
        next.SetException(reason);
    }

    /// <summary>Tells the watch that stands.</summary>
    public void Tell(IEnumerable<StoreRecord> records)
    {
        TaskCompletionSource<StoreChanges> next = _next;
        _next = new TaskCompletionSource<StoreChanges>();
        next.SetResult(new StoreChanges(++_revision, [.. records]));
    }

    public Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken)
    {
        Reads.Add(time.GetUtcNow());
        Action? meanwhile = WhileReading;
        WhileReading = null;
        meanwhile?.Invoke();
        return ReadFailure is not null ? Task.FromException<StoreSnapshot>(ReadFailure)
            : Task.FromResult(new StoreSnapshot(1, ++_revision, [.. Enumerable.Repeat(new StoreRecord("subnets/x", default, 0, 1, 1), Keys)]));
    }

    public async IAsyncEnumerable<StoreChanges> WatchAsync(string path, long fromRevision, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new StoreChanges(0, []);
        while (true)
        {
            if (WatchFailure is not null)
                throw WatchFailure;
            yield return await _next.Task.ConfigureAwait(false);
        }
    }

    public Task<WriteResult> PutAsync(string path, ReadOnlyMemory<byte> value, long etcdLeaseId, StoreRecord? expected, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<WriteResult> DeleteAsync(string path, StoreRecord expected, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<(long EtcdLeaseId, TimeSpan Ttl)> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken) => throw new NotSupportedException();
}
