using System.Net;
using Overlay.Simulation.Agents;
using Overlay.Simulation.Etcd;
using Overlay.Simulation.Time;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Watching;

namespace Overlay.Simulation.Rules;

/// <summary>
/// Each table of one process shows what etcd held at the table's revision, and a revision never goes back except with the store. Leases beyond that
/// are allowed for the half minute of sight in which nodes may return after the store was lost: set back, or rid of all leases, of which there were two or
/// more, since the last table; and then only such as were known before. Those of flannel have the day in which it renews, and as long as there is no sight.
/// So no peer leaves a table without a deletion or a full snapshot.
/// </summary>
public sealed class TableRules
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30.5);
    private static readonly TimeSpan FlannelGrace = TimeSpan.FromHours(24);

    private readonly SimAgent _agent;
    private readonly SimProcess _process;
    private readonly World _world;
    private readonly Dictionary<string, StoreRecord> _content = [];
    private readonly Dictionary<string, Lease> _lastGood = [];
    private int _folded;
    private long _revision;
    private HashSet<(string Path, long CreateRevision)> _standing = []; // what the last table showed
    private readonly HashSet<string> _stood = [];                       // and what stood at any time since
    private bool _wasEmpty;
    private bool _inGrace;
    private TimeSpan? _lossSeen;
    private bool _sees;
    private TimeSpan _seesSince;
    private readonly HashSet<(IPNetwork Subnet, LeaseAttributes Node)> _before = []; // what tables have shown, since the store was lost or in the last of them

    /// <param name="agent">Whose tables.</param>
    /// <param name="process">In which process.</param>
    /// <param name="world">With the etcd that they are held against.</param>
    /// <param name="cache">The table of an earlier process that this one starts with.</param>
    public TableRules(SimAgent agent, SimProcess process, World world, SavedAnswers? cache)
    {
        (_agent, _process, _world) = (agent, process, world);
        if (cache is null)
            return;
        Fold(cache.Branch, world.Etcd.Branches[cache.Branch], cache.Leases.Revision);
        Shown(cache.Leases);
        _stood.UnionWith(cache.Leases.Leases.Values.Select(lease => StorePaths.Subnet(lease.Key)));
        if (cache.Leases.Leases.Values.Any(lease => lease.IsRetained))
            _lossSeen = TimeSpan.Zero; // nobody has told how long it was by then
    }

    /// <summary>Of which of the store's histories the last table is; -1 before there is one.</summary>
    public int Branch { get; private set; } = -1;

    /// <summary>Whether the process has its watch: the half minute begins anew when it is back.</summary>
    public void Sight(bool sees)
    {
        if (!sees || !_sees)
            _seesSince = _process.GetElapsedTime(0);
        _sees = sees;
    }

    public void Check(LeaseTable table)
    {
        string? problem = null;
        for (int branch = Math.Max(Branch, 0); branch < _world.Etcd.Branches.Count; branch++)
        {
            if (branch == Branch && table.Revision < _revision)
            {
                problem = $"went back from revision {_revision} to {table.Revision}";
                continue;
            }
            problem = Compare(table, branch);
            if (problem is not null)
                continue;
            Trace(table);
            Shown(table);
            return;
        }
        ViolationKind kind = problem!.StartsWith("went back", StringComparison.Ordinal) ? ViolationKind.WentBack : ViolationKind.WrongTable;
        throw new ViolationException(kind, $"{_agent.Name}: the table of revision {table.Revision} {problem}");
    }

    private void Shown(LeaseTable table)
    {
        _standing = [.. table.Leases.Values.Select(lease => (StorePaths.Subnet(lease.Key), lease.CreateRevision))];
        _stood.Clear();
        _stood.UnionWith(_content.Keys);
        _wasEmpty = false;
        _revision = table.Revision;
        if (!_inGrace)
            _before.Clear();
        foreach (Lease lease in table.Leases.Values)
            _before.Add((lease.Subnet, lease.Attributes));
    }

    private string? Compare(LeaseTable table, int branch)
    {
        EtcdState state = _world.Etcd.Branches[branch];
        if (table.Revision > state.Revision)
            return $"is newer than etcd's {state.Revision}";
        Fold(branch, state, table.Revision);
        // An unreadable value counts as the last good one of the same key that this process has seen.
        var expected = new Dictionary<IPNetwork, LeaseAttributes>();
        var optional = new Dictionary<IPNetwork, StoreRecord>();
        var contested = new Dictionary<IPNetwork, LeaseAttributes>();
        foreach (StoreRecord record in _content.Values)
        {
            if (Lease.TryRead(record, out Lease? lease, out _))
                expected[lease.Subnet] = lease.Attributes;
            else if (KeyRules.SubnetOf(record.Path) is { } subnet)
                optional[subnet] = record;
        }
        foreach (IPNetwork subnet in expected.Keys.Where(subnet => expected.Keys.Concat(optional.Keys).Any(other => other != subnet && KeyRules.Overlap(other, subnet))).ToArray())
        {
            contested[subnet] = expected[subnet]; // of two that overlap one is shown
            expected.Remove(subnet);
        }
        if (_stood.Count > 1 && (_wasEmpty || !_content.Values.Any(record => _standing.Contains((record.Path, record.CreateRevision)))))
            _lossSeen = _process.GetElapsedTime(0);
        foreach ((IPNetwork subnet, LeaseAttributes node) in expected)
        {
            if (!table.Leases.TryGetValue(subnet, out Lease? shown))
                return $"lacks {subnet} of {node.PublicIP}";
            if (shown.Attributes != node)
                return $"shows {shown.Attributes.PublicIP} at {subnet} instead of {node.PublicIP}";
        }
        bool justContinued = _process.ContinuedAt == _world.Clock.Now; // the timer that ends the grace may stand behind this batch
        _inGrace = _lossSeen is { } loss && (_process.GetElapsedTime(0) - (_seesSince > loss ? _seesSince : loss) <= Grace || justContinued);
        bool inFlannelGrace = _inGrace || _process.GetElapsedTime(0) - _lossSeen <= FlannelGrace;
        foreach (Lease shown in table.Leases.Values)
        {
            bool known = expected.ContainsKey(shown.Subnet)
                || (contested.TryGetValue(shown.Subnet, out LeaseAttributes? claimant) && claimant == shown.Attributes)
                || (optional.TryGetValue(shown.Subnet, out StoreRecord? bad) && bad.CreateRevision == shown.CreateRevision && WasKnown(shown))
                || ((shown.Attributes.NodeId is null ? inFlannelGrace : _inGrace) && WasKnown(shown));
            if (!known)
                return $"shows {shown.Subnet} of {shown.Attributes.PublicIP}, which is not there";
        }
        return null;
    }

    // In the table before, or come and gone since; hidden meanwhile, perhaps, by one that overlaps it.
    private bool WasKnown(Lease shown) =>
        _before.Contains((shown.Subnet, shown.Attributes))
        || (_lastGood.TryGetValue(StorePaths.Subnet(shown.Key), out Lease? seen) && seen.Attributes == shown.Attributes);

    // Goes on from where the last table stood; a store that was set back is read from its beginning.
    private void Fold(int branch, EtcdState state, long revision)
    {
        if (branch != Branch)
        {
            if (Branch >= 0)
                _lossSeen = _process.GetElapsedTime(0);
            foreach (Lease seen in _lastGood.Values)
                _before.Add((seen.Subnet, seen.Attributes)); // hidden by one that overlapped it, or lost before, and that half minute is not over
            _content.Clear();
            _lastGood.Clear();
            (Branch, _folded) = (branch, 0);
        }
        for (; _folded < state.History.Count && state.History[_folded].ModRevision <= revision; _folded++)
        {
            StoreRecord record = state.History[_folded];
            if (!record.Path.StartsWith(StorePaths.Subnets, StringComparison.Ordinal))
                continue;
            if (record.IsDeleted)
            {
                _content.Remove(record.Path);
                _wasEmpty |= !_content.Values.Any(left => Lease.TryRead(left, out _, out _));
                continue;
            }
            _content[record.Path] = record;
            _stood.Add(record.Path);
            if (Lease.TryRead(record, out Lease? good, out _))
                _lastGood[record.Path] = good;
        }
    }

    private void Trace(LeaseTable table)
    {
        if (_agent.Trace.IsOn)
        {
            _agent.Trace.Line(_agent.Name, $"table at revision {table.Revision}: "
                + string.Join(", ", table.Leases.Values.Select(lease => $"{lease.Key}={lease.Attributes.PublicIP}").Order(StringComparer.Ordinal)));
        }
    }
}
