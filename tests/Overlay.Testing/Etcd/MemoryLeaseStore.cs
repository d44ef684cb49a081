using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using Overlay.Subnet.Store;

namespace Overlay.Testing.Etcd;

/// <summary>
/// etcd's behaviour as far as the control plane can see it, in memory: revisions, etcd leases that expire by a given clock, watches with history,
/// compaction, being set back; and the faults a test asks for. Safe for concurrent use.
/// </summary>
public sealed class MemoryLeaseStore(TimeProvider time) : ILeaseStore
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, StoreRecord> _records = new(StringComparer.Ordinal);
    private readonly List<StoreRecord> _history = [];
    private readonly Dictionary<long, (TimeSpan Ttl, ITimer Timer)> _leases = [];
    private readonly List<Watcher> _watchers = [];
    private ulong _clusterId = 1;
    private long _revision = 1;
    private long _compacted;
    private long _nextLease = 1000;
    private bool _isDown;
    private int _repliesToLose;

    private sealed record Watcher(string Path, Channel<StoreChanges> Changes);

    /// <summary>The revision of the last write.</summary>
    public long Revision { get { lock (_gate) return _revision; } }

    /// <summary>Live etcd leases.</summary>
    public int LeaseCount { get { lock (_gate) return _leases.Count; } }

    /// <summary>How many watches stand.</summary>
    public int WatchCount { get { lock (_gate) return _watchers.Count; } }

    /// <summary>How many keys were written or deleted through the interface under test.</summary>
    public int WriteCount { get; private set; }

    /// <summary>Called before each operation with its name and path; what it returns is thrown.</summary>
    public Func<string, string, StoreException?>? Fault { get; set; }

    /// <summary>Nobody answers while true; setting it breaks all watches. etcd leases go on running out.</summary>
    public bool IsDown
    {
        get { lock (_gate) return _isDown; }
        set
        {
            lock (_gate)
            {
                _isDown = value;
                if (value)
                    BreakWatches(new StoreException(StoreFault.Unreachable, "down"));
            }
        }
    }

    /// <summary>The next writes happen, but their callers are told that nobody answered.</summary>
    public void LoseReplies(int count) { lock (_gate) _repliesToLose = count; }

    /// <summary>What stands at a path.</summary>
    public StoreRecord? Get(string path) { lock (_gate) return _records.GetValueOrDefault(path); }

    /// <summary>The value at a path as text.</summary>
    public string? GetText(string path) => Get(path) is StoreRecord record ? Encoding.UTF8.GetString(record.Value.Span) : null;

    /// <summary>Everything below a path.</summary>
    public IReadOnlyList<StoreRecord> All(string path)
    {
        lock (_gate)
            return [.. _records.Values.Where(record => Matches(path, record.Path))];
    }

    /// <summary>Writes as an operator or another program does.</summary>
    public void Put(string path, string value, long etcdLeaseId = 0) => Put(path, Encoding.UTF8.GetBytes(value), etcdLeaseId);

    /// <summary>Writes as an operator or another program does.</summary>
    public void Put(string path, byte[] value, long etcdLeaseId = 0) { lock (_gate) Write(path, value, etcdLeaseId); }

    /// <summary>Deletes as an operator does, all keys of a path at one revision.</summary>
    public void Delete(string path)
    {
        lock (_gate)
            Remove([.. _records.Keys.Where(key => Matches(path, key))]);
    }

    /// <summary>Makes an etcd lease run out now.</summary>
    public void Expire(long etcdLeaseId)
    {
        lock (_gate)
        {
            if (!_leases.Remove(etcdLeaseId, out (TimeSpan, ITimer Timer) lease))
                return;
            lease.Timer.Dispose();
            Remove([.. _records.Values.Where(record => record.EtcdLeaseId == etcdLeaseId).Select(record => record.Path)]);
        }
    }

    /// <summary>Brings an etcd lease back that has run out, as a restored backup does.</summary>
    public void Revive(long etcdLeaseId, TimeSpan ttl)
    {
        lock (_gate)
            _leases[etcdLeaseId] = (ttl, time.CreateTimer(_ => Expire(etcdLeaseId), null, ttl, Timeout.InfiniteTimeSpan));
    }

    /// <summary>Forgets the history up to now.</summary>
    public void Compact() { lock (_gate) _compacted = _revision; }

    /// <summary>Breaks the watches, as a restart of the server does.</summary>
    public void Disconnect() { lock (_gate) BreakWatches(new StoreException(StoreFault.Unreachable, "restarted")); }

    /// <summary>Sets the store back to nothing at revision 1, as a lost data directory does; with a new cluster id or the same.</summary>
    public void Wipe(bool newCluster)
    {
        lock (_gate)
        {
            _clusterId += newCluster ? 1UL : 0UL;
            _records.Clear();
            _history.Clear();
            foreach ((_, ITimer timer) in _leases.Values)
                timer.Dispose();
            _leases.Clear();
            _revision = 1;
            _compacted = 0;
            BreakWatches(new StoreException(StoreFault.Unreachable, "restarted"));
        }
    }

    /// <inheritdoc/>
    public async Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken)
    {
        await EnterAsync("read", path, cancellationToken).ConfigureAwait(false);
        lock (_gate)
            return new StoreSnapshot(_clusterId, _revision, All(path));
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoreChanges> WatchAsync(string path, long fromRevision, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await EnterAsync("watch", path, cancellationToken).ConfigureAwait(false);
        var watcher = new Watcher(path, Channel.CreateUnbounded<StoreChanges>());
        lock (_gate)
        {
            if (_revision < fromRevision - 1)
                throw new StoreException(StoreFault.Rewound, "set back");
            if (fromRevision <= _compacted)
                throw new StoreException(StoreFault.Compacted, "compacted");
            _watchers.Add(watcher);
            watcher.Changes.Writer.TryWrite(new StoreChanges(0, []));
            foreach (IGrouping<long, StoreRecord> batch in _history.Where(r => r.ModRevision >= fromRevision && Matches(path, r.Path)).GroupBy(r => r.ModRevision))
                watcher.Changes.Writer.TryWrite(new StoreChanges(batch.Key, [.. batch]));
        }
        try
        {
            await foreach (StoreChanges changes in watcher.Changes.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return changes;
        }
        finally
        {
            lock (_gate)
                _watchers.Remove(watcher);
        }
    }

    /// <inheritdoc/>
    public async Task<WriteResult> PutAsync(
        string path, ReadOnlyMemory<byte> value, long etcdLeaseId, StoreRecord? expected, CancellationToken cancellationToken)
    {
        await EnterAsync("put", path, cancellationToken).ConfigureAwait(false);
        lock (_gate)
        {
            StoreRecord? current = _records.GetValueOrDefault(path);
            bool matches = IsSame(current, expected);
            if (matches && etcdLeaseId != 0 && !_leases.ContainsKey(etcdLeaseId))
                throw new StoreException(StoreFault.LeaseNotFound, "requested lease not found");
            if (matches)
                Write(path, value.ToArray(), etcdLeaseId);
            WriteCount += matches ? 1 : 0;
            LoseReply();
            bool isOurs = !matches && current?.EtcdLeaseId == etcdLeaseId && current.Value.Span.SequenceEqual(value.Span);
            return matches ? new WriteResult(true, _revision, null)
                : isOurs ? new WriteResult(true, current!.ModRevision, null) : new WriteResult(false, _revision, current);
        }
    }

    /// <inheritdoc/>
    public async Task<WriteResult> DeleteAsync(string path, StoreRecord expected, CancellationToken cancellationToken)
    {
        await EnterAsync("delete", path, cancellationToken).ConfigureAwait(false);
        lock (_gate)
        {
            StoreRecord? current = _records.GetValueOrDefault(path);
            bool matches = IsSame(current, expected);
            if (matches)
                Remove([path]);
            WriteCount += matches ? 1 : 0;
            LoseReply();
            return matches || current is null ? new WriteResult(true, _revision, null) : new WriteResult(false, _revision, current);
        }
    }

    /// <inheritdoc/>
    public async Task<(long EtcdLeaseId, TimeSpan Ttl)> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken)
    {
        await EnterAsync("grant", "", cancellationToken).ConfigureAwait(false);
        lock (_gate)
        {
            long id = _nextLease++;
            _leases[id] = (ttl, time.CreateTimer(_ => Expire(id), null, ttl, Timeout.InfiniteTimeSpan));
            LoseReply();
            return (id, ttl);
        }
    }

    /// <inheritdoc/>
    public async Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken)
    {
        await EnterAsync("keepalive", "", cancellationToken).ConfigureAwait(false);
        lock (_gate)
        {
            if (!_leases.TryGetValue(etcdLeaseId, out (TimeSpan Ttl, ITimer Timer) lease))
                return TimeSpan.Zero;
            lease.Timer.Change(lease.Ttl, Timeout.InfiniteTimeSpan);
            return lease.Ttl;
        }
    }

    private async Task EnterAsync(string operation, string path, CancellationToken cancellationToken)
    {
        await Task.Yield(); // as with a real store, no call completes synchronously
        cancellationToken.ThrowIfCancellationRequested();
        if (IsDown)
            throw new StoreException(StoreFault.Unreachable, "down");
        if (Fault?.Invoke(operation, path) is StoreException fault)
            throw fault;
    }

    private void LoseReply()
    {
        if (_repliesToLose == 0)
            return;
        _repliesToLose--;
        throw new StoreException(StoreFault.Timeout, "the answer was lost");
    }

    private void Write(string path, byte[] value, long etcdLeaseId)
    {
        _revision++;
        long created = _records.GetValueOrDefault(path)?.CreateRevision ?? _revision;
        var record = new StoreRecord(path, value, etcdLeaseId, created, _revision);
        _records[path] = record;
        Publish([record]);
    }

    private void Remove(List<string> paths)
    {
        if (paths.Count == 0)
            return;
        _revision++;
        paths.ForEach(path => _records.Remove(path));
        Publish([.. paths.Select(path => new StoreRecord(path, default, 0, 0, _revision, IsDeleted: true))]);
    }

    private void Publish(IReadOnlyList<StoreRecord> changes)
    {
        _history.AddRange(changes);
        foreach (Watcher watcher in _watchers)
        {
            StoreRecord[] seen = [.. changes.Where(record => Matches(watcher.Path, record.Path))];
            if (seen.Length > 0)
                watcher.Changes.Writer.TryWrite(new StoreChanges(_revision, seen));
        }
    }

    private static bool IsSame(StoreRecord? current, StoreRecord? expected) =>
        current?.ModRevision == expected?.ModRevision && (current is null || current.Value.Span.SequenceEqual(expected!.Value.Span));

    private void BreakWatches(StoreException reason) => _watchers.ForEach(watcher => watcher.Changes.Writer.TryComplete(reason));

    private static bool Matches(string path, string key) =>
        StorePaths.IsPrefix(path) ? key.StartsWith(path, StringComparison.Ordinal) : key == path;
}
