using Overlay.Simulation.Network;
using Overlay.Simulation.Time;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Etcd;

/// <summary>
/// One watch: events wait at the server's end, cross the link in order, several revisions at once if they catch up, and are read at the client's.
/// </summary>
public sealed class SimWatch(SimEtcd etcd, SimLink link, SimProcess process, string path, long fromRevision) : IDisposable
{
    private readonly List<StoreRecord> _pending = [];
    private readonly Queue<StoreChanges> _arrived = new();
    private TaskCompletionSource<StoreChanges>? _reader;
    private StoreException? _end;
    private SimEvent? _silence;
    private bool _flushPlanned;
    private bool _lags;
    private bool _isBroken;

    /// <summary>At the server: stands from now on.</summary>
    /// <exception cref="StoreException">History begins after the revision asked for.</exception>
    public void Open()
    {
        if (etcd.Watches.Contains(this))
            return; // the request came twice
        if (fromRevision <= etcd.State.Compacted)
            throw new StoreException(StoreFault.Compacted, $"revision {fromRevision} has been compacted");
        etcd.Watches.Add(this);
        link.Watches.Add(this);
        Tell(etcd.State.History);
    }

    /// <summary>At the server: something was written.</summary>
    public void Tell(IEnumerable<StoreRecord> records)
    {
        _pending.AddRange(records.Where(record => record.ModRevision >= fromRevision && Matches(record.Path)));
        PlanFlush();
    }

    /// <summary>At the server: it ends the stream.</summary>
    public void BreakByServer()
    {
        _isBroken = true;
        _pending.Clear();
        if (!link.IsCut)
            PlanEnd(link.Delay(), "the server closed the stream");
    }

    /// <summary>The link or the server has fallen silent; the client notices within 15 s, or at once if it is refused.</summary>
    public void LoseSight(TimeSpan noticedAfter) =>
        _silence ??= process.Clock.After(noticedAfter, process, () => End(new StoreException(StoreFault.Unreachable, "the watch fell silent")));

    /// <summary>The link or the server is back.</summary>
    public void RegainSight()
    {
        _silence?.Cancel();
        _silence = null;
        if (_isBroken)
            PlanEnd(link.Delay(), "the server has forgotten the stream");
        PlanFlush();
    }

    /// <summary>The next batch.</summary>
    public Task<StoreChanges> NextAsync()
    {
        if (_arrived.TryDequeue(out StoreChanges? batch))
            return Task.FromResult(batch);
        if (_end is not null)
            return Task.FromException<StoreChanges>(_end);
        _reader = new TaskCompletionSource<StoreChanges>();
        return _reader.Task;
    }

    /// <summary>The client gives up reading.</summary>
    public void Cancel(CancellationToken cancellationToken) => TakeReader()?.TrySetCanceled(cancellationToken);

    public void Dispose()
    {
        _silence?.Cancel();
        _isBroken = true;
        etcd.Watches.Remove(this);
        link.Watches.Remove(this);
    }

    private void PlanFlush()
    {
        if (_flushPlanned || _isBroken || _pending.Count == 0)
            return;
        _flushPlanned = true;
        process.Clock.After(link.Delay(), process, Flush);
    }

    private void Flush()
    {
        _flushPlanned = false;
        if (_isBroken || _pending.Count == 0)
            return;
        if (link.IsCut)
        {
            _lags = true;
            return;
        }
        if (_lags && _pending[0].ModRevision <= etcd.State.Compacted)
        {
            End(new StoreException(StoreFault.Compacted, $"revision {_pending[0].ModRevision} has been compacted"));
            return;
        }
        _lags = false;
        var batch = new StoreChanges(_pending[^1].ModRevision, [.. _pending]);
        _pending.Clear();
        if (TakeReader() is { } reader)
            reader.TrySetResult(batch);
        else
            _arrived.Enqueue(batch);
    }

    private void PlanEnd(TimeSpan delay, string reason) =>
        process.Clock.After(delay, process, () => End(new StoreException(StoreFault.Unreachable, reason)));

    private void End(StoreException reason)
    {
        _isBroken = true;
        _end ??= reason;
        etcd.Watches.Remove(this);
        TakeReader()?.TrySetException(_end);
    }

    private TaskCompletionSource<StoreChanges>? TakeReader()
    {
        TaskCompletionSource<StoreChanges>? reader = _reader;
        _reader = null;
        return reader;
    }

    private bool Matches(string key) => StorePaths.IsPrefix(path) ? key.StartsWith(path, StringComparison.Ordinal) : key == path;
}
