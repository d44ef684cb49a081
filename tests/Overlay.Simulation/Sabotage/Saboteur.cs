using System.Runtime.CompilerServices;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Sabotage;

/// <summary>The store with a <see cref="PlantedBug"/>.</summary>
public sealed class Saboteur(ILeaseStore inner, PlantedBug bug, TimeSpan life) : StoreDecorator(inner)
{
    private StoreSnapshot? _old;
    private (string Path, long EtcdLeaseId) _inDoubt; // the last write without an answer
    private long _kept;

    public override async Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken)
    {
        StoreSnapshot snapshot = await base.ReadAsync(path, cancellationToken).ConfigureAwait(false);
        if (bug != PlantedBug.StaleSnapshot || path != StorePaths.Subnets)
            return snapshot;
        StoreSnapshot stale = snapshot with { Records = (_old ?? snapshot).Records };
        _old = snapshot;
        return stale;
    }

    public override async IAsyncEnumerable<StoreChanges> WatchAsync(
        string path, long fromRevision, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (StoreChanges changes in base.WatchAsync(path, fromRevision, cancellationToken).ConfigureAwait(false))
        {
            yield return bug == PlantedBug.DroppedDelete
                ? changes with { Records = [.. changes.Records.Where(record => !record.IsDeleted)] } : changes;
        }
    }

    public override async Task<WriteResult> PutAsync(
        string path, ReadOnlyMemory<byte> value, long etcdLeaseId, StoreRecord? expected, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                WriteResult result = await base.PutAsync(path, value, etcdLeaseId, expected, cancellationToken).ConfigureAwait(false);
                if (!result.Succeeded && _inDoubt == (path, etcdLeaseId))
                    _kept = etcdLeaseId;
                if (result.Succeeded || !(bug == PlantedBug.UnconditionalPut || (bug == PlantedBug.UnconditionalOverwrite && expected is not null)))
                    return result;
                expected = result.Current;
            }
        }
        catch (StoreException e) when (bug == PlantedBug.DroppedReread && e.Fault == StoreFault.Timeout)
        {
            return new WriteResult(false, expected?.ModRevision ?? 0, null);
        }
        catch (StoreException e) when (bug == PlantedBug.HopedFor && e.Fault == StoreFault.Timeout)
        {
            return new WriteResult(true, expected?.ModRevision ?? 0, null);
        }
        catch (StoreException e) when (bug == PlantedBug.DoubtfulLeaseKept && e.Fault == StoreFault.Timeout)
        {
            _inDoubt = (path, etcdLeaseId);
            throw;
        }
        catch (StoreException e) when (bug == PlantedBug.ExpiredStillOurs && e.Fault == StoreFault.LeaseNotFound)
        {
            return new WriteResult(true, expected?.ModRevision ?? 0, null);
        }
    }

    public override async Task<WriteResult> DeleteAsync(string path, StoreRecord expected, CancellationToken cancellationToken)
    {
        WriteResult result = await base.DeleteAsync(path, expected, cancellationToken).ConfigureAwait(false);
        return bug == PlantedBug.UnconditionalDelete && result is { Succeeded: false, Current: { } current }
            ? await DeleteAsync(path, current, cancellationToken).ConfigureAwait(false) : result;
    }

    public override async Task<(long EtcdLeaseId, TimeSpan Ttl)> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken)
    {
        if (_kept == 0)
            return await base.GrantAsync(ttl, cancellationToken).ConfigureAwait(false);
        (long kept, _kept, _inDoubt) = (_kept, 0, default);
        return (kept, ttl);
    }

    public override async Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken)
    {
        TimeSpan left = await base.KeepAliveAsync(etcdLeaseId, cancellationToken).ConfigureAwait(false);
        return bug == PlantedBug.ExpiredStillOurs && left == TimeSpan.Zero ? life : bug == PlantedBug.OverratedLease ? 4 * left : left;
    }
}
