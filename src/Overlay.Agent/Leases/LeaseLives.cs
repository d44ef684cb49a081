using System.Collections.Concurrent;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Store;
using Overlay.Subnet.Survey;

namespace Overlay.Agent.Leases;

/// <summary>How long the etcd leases of many keys live yet. etcd answers that one lease at a time, so several are asked at once.</summary>
/// <param name="ById">By etcd lease id; null for one that does not exist any more. What could not be asked is not in it.</param>
/// <param name="Problem">Why the rest could not be asked, in words; null when all could.</param>
internal sealed record LeaseLives(IReadOnlyDictionary<long, EtcdLeaseLife?> ById, string? Problem)
{
    /// <summary>Enough to hide a round trip's time, and nothing that a busy etcd would feel.</summary>
    private const int AtOnce = 32;

    /// <summary>Asks for each; stops asking at the first failure, since the others would fail alike.</summary>
    public static async Task<LeaseLives> ReadAsync(EtcdLeaseStore store, IEnumerable<long> etcdLeaseIds, CancellationToken stop)
    {
        ConcurrentDictionary<long, EtcdLeaseLife?> lives = new();
        string? problem = null;
        ParallelOptions options = new() { MaxDegreeOfParallelism = AtOnce, CancellationToken = stop };
        await Parallel.ForEachAsync(etcdLeaseIds.Where(id => id != 0).Distinct(), options, async (id, end) =>
        {
            if (Volatile.Read(ref problem) is not null) return;
            try
            {
                lives[id] = await store.LifeAsync(id, end).ConfigureAwait(false);
            }
            catch (StoreException e)
            {
                Volatile.Write(ref problem, e.Message);
            }
        }).ConfigureAwait(false);
        return new LeaseLives(lives, problem);
    }
}
