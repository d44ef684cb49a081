using Overlay.Subnet.Store;

namespace Overlay.Simulation.Etcd;

/// <summary>What etcd has on disk: the keys, all that ever happened to them, and the leases. Copied whole for a backup.</summary>
public sealed class EtcdState
{
    public ulong ClusterId { get; set; } = 1;

    /// <summary>The revision of the last write.</summary>
    public long Revision { get; set; } = 1;

    /// <summary>History up to here is gone for readers.</summary>
    public long Compacted { get; set; }

    /// <summary>Live keys, relative to the prefix.</summary>
    public SortedDictionary<string, StoreRecord> Records { get; private init; } = new(StringComparer.Ordinal);

    /// <summary>Every write and deletion in order, also of compacted revisions: the simulation's own memory.</summary>
    public List<StoreRecord> History { get; private init; } = [];

    public SortedDictionary<long, EtcdLease> Leases { get; private init; } = [];

    /// <summary>The live keys of an earlier revision.</summary>
    public SortedDictionary<string, StoreRecord> At(long revision)
    {
        var records = new SortedDictionary<string, StoreRecord>(StringComparer.Ordinal);
        foreach (StoreRecord record in History.TakeWhile(record => record.ModRevision <= revision))
        {
            if (record.IsDeleted)
                records.Remove(record.Path);
            else
                records[record.Path] = record;
        }
        return records;
    }

    public EtcdState Copy() => new()
    {
        ClusterId = ClusterId,
        Revision = Revision,
        Compacted = Compacted,
        Records = new SortedDictionary<string, StoreRecord>(Records, StringComparer.Ordinal),
        History = [.. History],
        Leases = new SortedDictionary<long, EtcdLease>(Leases),
    };
}
