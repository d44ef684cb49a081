using System.Runtime.CompilerServices;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Sabotage;

/// <summary>The store with a <see cref="PlantedBug"/>.</summary>
public sealed class Saboteur(ILeaseStore inner, PlantedBug bug, TimeSpan ttl) : StoreDecorator(inner)
{
    private StoreSnapshot? _old;

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
        if (bug == PlantedBug.UnconditionalPut)
        {
            StoreSnapshot now = await base.ReadAsync(path, cancellationToken).ConfigureAwait(false);
            expected = now.Records.Count > 0 ? now.Records[0] : null;
        }
        try
        {
            return await base.PutAsync(path, value, etcdLeaseId, expected, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (bug == PlantedBug.DroppedReread && e.Fault == StoreFault.Timeout)
        {
            return new WriteResult(false, expected?.ModRevision ?? 0, null);
        }
        catch (StoreException e) when (bug == PlantedBug.ExpiredStillOurs && e.Fault == StoreFault.LeaseNotFound)
        {
            return new WriteResult(true, expected?.ModRevision ?? 0, null);
        }
    }

    public override async Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken)
    {
        TimeSpan left = await base.KeepAliveAsync(etcdLeaseId, cancellationToken).ConfigureAwait(false);
        return bug == PlantedBug.ExpiredStillOurs && left == TimeSpan.Zero ? ttl : left;
    }
}
