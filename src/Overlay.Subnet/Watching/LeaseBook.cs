using System.Net;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Watching;

/// <summary>
/// The keys below <c>subnets/</c> as last seen, folded from snapshots and changes into lease tables. Pure; not safe for concurrent use.
/// </summary>
/// <param name="ownPublicIP">This node's address.</param>
/// <param name="known">What stood there when an earlier run looked last.</param>
internal sealed class LeaseBook(IPAddress ownPublicIP, IEnumerable<Lease> known)
{
    private const int MaxBadKeys = 10_000;

    private readonly Dictionary<string, Lease> _leases = known.Where(lease => !lease.IsRetained).ToDictionary(lease => StorePaths.Subnet(lease.Key));
    private readonly Dictionary<string, Lease> _retained = known.Where(lease => lease.IsRetained).ToDictionary(lease => StorePaths.Subnet(lease.Key));
    private readonly HashSet<string> _badKeys = [];
    private readonly HashSet<string> _badValues = [];

    /// <summary>This node's address, by which its own leases are told from its peers'.</summary>
    public IPAddress OwnPublicIP { get; set; } = ownPublicIP;

    /// <summary>Leases that vanished in a wipe are still in the table; see <see cref="DropRetained"/>.</summary>
    public bool HasRetained => _retained.Count > 0;

    /// <summary>Takes everything there is, and reports each entry that is newly rejected.</summary>
    /// <returns>Whether the store was wiped or set back.</returns>
    public bool Reset(IReadOnlyList<StoreRecord> records, bool rewound, Action<string, string> reject)
    {
        var before = new Dictionary<string, Lease>(_leases);
        _leases.Clear();
        var paths = records.Select(record => record.Path).ToHashSet();
        _badKeys.IntersectWith(paths);
        _badValues.IntersectWith(paths);
        foreach (StoreRecord record in records)
            Put(record, before.GetValueOrDefault(record.Path), reject);
        bool survives = before.Any(entry => _leases.TryGetValue(entry.Key, out Lease? now) && now.CreateRevision == entry.Value.CreateRevision);
        return RetainAfterWipe(before, rewound || (before.Count > 1 && !survives));
    }

    /// <summary>Takes one batch of changes.</summary>
    /// <returns>Whether they took every lease at once.</returns>
    public bool Apply(IReadOnlyList<StoreRecord> records, Action<string, string> reject)
    {
        var before = new Dictionary<string, Lease>();
        foreach (StoreRecord record in records)
        {
            Lease? known = _leases.GetValueOrDefault(record.Path);
            if (known is not null && record.ModRevision < known.ModRevision)
                continue;
            if (record.IsDeleted)
            {
                _badKeys.Remove(record.Path);
                _badValues.Remove(record.Path);
                if (_leases.Remove(record.Path))
                    before[record.Path] = known!;
            }
            else
            {
                Put(record, known, reject);
            }
        }
        return RetainAfterWipe(before, wiped: _leases.Count == 0 && before.Count > 1);
    }

    /// <summary>The table of what is known now. What vanished in a wipe and has a new owner by now is forgotten.</summary>
    public LeaseTable Build(long revision)
    {
        LeaseTable table = LeaseTable.Build(revision, _leases.Values, OwnPublicIP, _badKeys.Count, _badValues.Count, _retained.Values);
        Forget(lease => !ReferenceEquals(table.Leases.GetValueOrDefault(lease.Subnet), lease));
        return table;
    }

    /// <summary>Ends the grace for leases that vanished in a wipe.</summary>
    /// <param name="ofFlannel">For those, too, whose nodes are no agents of ours.</param>
    public void DropRetained(bool ofFlannel) => Forget(lease => ofFlannel || lease.Attributes.NodeId is not null);

    private void Forget(Func<Lease, bool> isOver)
    {
        foreach ((string path, Lease lease) in _retained)
        {
            if (isOver(lease))
                _retained.Remove(path);
        }
    }

    private void Put(StoreRecord record, Lease? lastGood, Action<string, string> reject)
    {
        _retained.Remove(record.Path);
        if (Lease.TryRead(record, out Lease? lease, out string? reason))
        {
            _leases[record.Path] = lease;
            _badValues.Remove(record.Path);
            return;
        }
        if (!SubnetKey.TryParse(StorePaths.SubnetName(record.Path), out _, out _))
        {
            if (_badKeys.Count < MaxBadKeys && _badKeys.Add(record.Path))
                reject(record.Path, reason);
            return;
        }
        if (_badValues.Add(record.Path))
            reject(record.Path, reason);
        if (lastGood?.CreateRevision == record.CreateRevision)
            _leases[record.Path] = lastGood; // the same key, only its newest value is bad
    }

    // When every lease goes at once, or the store is set back, it is the store that was lost and not the nodes: each is about to write its key
    // again, and some may have. Until then its peers keep forwarding to it, unless somebody else takes its subnet.
    private bool RetainAfterWipe(Dictionary<string, Lease> before, bool wiped)
    {
        foreach ((string path, Lease lease) in before)
        {
            if (wiped && !_leases.ContainsKey(path))
                _retained[path] = lease with { IsRetained = true };
        }
        return wiped;
    }
}
