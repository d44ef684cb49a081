using Overlay.Simulation.Time;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Etcd;

/// <summary>
/// etcd as one machine without a network: revisions, compare-and-swap, leases that run out, watchers that are told, compaction, stops, stalls,
/// lost and restored data. Whoever calls has reached it.
/// </summary>
public sealed class SimEtcd(SimClock clock, Trace trace)
{
    private readonly List<Action> _waiting = [];
    private readonly SortedDictionary<long, SimEvent> _expiries = [];
    private long _nextLease = 100;

    /// <summary>What stands now.</summary>
    public EtcdState State { get; private set; } = new();

    /// <summary>The states that were given up by a restore or a wipe, oldest first, and the present one last.</summary>
    public List<EtcdState> Branches { get; } = [];

    /// <summary>Watches that stand, in the order in which they were opened.</summary>
    public List<SimWatch> Watches { get; } = [];

    /// <summary>It answers a read with no more keys than this at a time.</summary>
    public int PageSize { get; init; } = int.MaxValue;

    public bool IsDown { get; private set; }

    /// <summary>The process is stopped, or its disk hangs: requests wait, leases run on.</summary>
    public bool IsStalled { get; private set; }

    /// <summary>Told of each change before the watchers are: who, what stood there, what stands now.</summary>
    public Action<Writer, StoreRecord?, StoreRecord>? Committed { get; set; }

    /// <summary>Begins with an empty store.</summary>
    public void Start() => Branches.Add(State);

    /// <summary>Runs <paramref name="request"/> when etcd gets to it.</summary>
    public void Serve(Action request)
    {
        if (IsStalled)
            _waiting.Add(request);
        else
            request();
    }

    public StoreRecord? Get(string path) => State.Records.GetValueOrDefault(path);

    public void Put(Writer who, string path, ReadOnlyMemory<byte> value, long etcdLeaseId)
    {
        StoreRecord? before = Get(path);
        State.Revision++;
        var record = new StoreRecord(path, value, etcdLeaseId, before?.CreateRevision ?? State.Revision, State.Revision);
        State.Records[path] = record;
        Commit(who, [(before, record)]);
    }

    public void Delete(Writer who, IReadOnlyList<string> paths)
    {
        var changes = new List<(StoreRecord?, StoreRecord)>();
        foreach (string path in paths)
        {
            if (State.Records.Remove(path, out StoreRecord? before))
                changes.Add((before, new StoreRecord(path, default, 0, 0, State.Revision + 1, IsDeleted: true)));
        }
        if (changes.Count == 0)
            return;
        State.Revision++;
        Commit(who, changes);
    }

    public long Grant(TimeSpan ttl)
    {
        long id = _nextLease++;
        SetLease(id, ttl);
        return id;
    }

    /// <returns>The time to live, or zero when there is no such lease.</returns>
    public TimeSpan KeepAlive(long id)
    {
        if (!State.Leases.TryGetValue(id, out EtcdLease lease))
            return TimeSpan.Zero;
        SetLease(id, lease.Ttl);
        return lease.Ttl;
    }

    public void Revoke(Writer who, long id)
    {
        if (!State.Leases.Remove(id))
            return;
        if (_expiries.Remove(id, out SimEvent? expiry))
            expiry.Cancel();
        Delete(who, [.. State.Records.Values.Where(record => record.EtcdLeaseId == id).Select(record => record.Path)]);
    }

    public void Compact() => State.Compacted = State.Revision;

    /// <summary>Others write elsewhere in the same etcd.</summary>
    public void Bump(long revisions) => State.Revision += revisions;

    public void Stop()
    {
        IsDown = true;
        IsStalled = false;
        _waiting.Clear();
        foreach (SimEvent expiry in _expiries.Values)
            expiry.Cancel();
        _expiries.Clear();
        foreach (SimWatch watch in Watches.ToArray())
            watch.BreakByServer();
        Watches.Clear();
    }

    /// <summary>Starts again.</summary>
    /// <param name="promote">A new leader gives every lease its full time again, as etcd does; otherwise those that are over end now.</param>
    public void Restart(bool promote)
    {
        IsDown = false;
        foreach ((long id, EtcdLease lease) in State.Leases.ToArray())
            SetLease(id, lease.Ttl, promote ? lease.Ttl : lease.Expires - clock.Now);
    }

    public void Stall() => IsStalled = true;

    public void Continue()
    {
        IsStalled = false;
        Action[] waiting = [.. _waiting];
        _waiting.Clear();
        foreach (Action request in waiting)
            request();
    }

    /// <summary>Goes on with other data, an older backup's or none; only while down.</summary>
    public void Replace(EtcdState state)
    {
        State = state;
        Branches.Add(state);
    }

    private void SetLease(long id, TimeSpan ttl, TimeSpan? left = null)
    {
        if (_expiries.Remove(id, out SimEvent? expiry))
            expiry.Cancel();
        TimeSpan life = left ?? ttl;
        State.Leases[id] = new EtcdLease(ttl, clock.Now + life);
        _expiries[id] = clock.After(life, null, () => Serve(() => Expire(id)));
    }

    private void Expire(long id)
    {
        // A renewal that waited beside us while etcd was stalled may have come first.
        if (!State.Leases.TryGetValue(id, out EtcdLease lease) || lease.Expires > clock.Now)
            return;
        if (trace.IsOn)
            trace.Line("etcd", $"lease {id} runs out");
        Revoke(Writer.Expiry, id);
    }

    private void Commit(Writer who, List<(StoreRecord? Before, StoreRecord After)> changes)
    {
        foreach ((StoreRecord? before, StoreRecord after) in changes)
        {
            State.History.Add(after);
            if (trace.IsOn)
                trace.Line("etcd", $"revision {State.Revision}: {who.Name}{(who.IsLate ? " (late)" : "")} {Describe.Change(before, after)}");
            Committed?.Invoke(who, before, after);
        }
        foreach (SimWatch watch in Watches)
            watch.Tell(changes.Select(change => change.After));
    }
}
