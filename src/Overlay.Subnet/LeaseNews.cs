using Microsoft.Extensions.Logging;
using Overlay.Subnet.Following;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Subnet;

/// <summary>
/// Tells the log which peers come, change and go and what is ignored: one by one while they are few, and by their number when etcd is flooded
/// (FAULTS L8). Safe for concurrent use.
/// </summary>
internal sealed class LeaseNews
{
    private readonly ILogger _log;
    private readonly LineBudget _changes;
    private readonly LineBudget _rejects;
    private readonly LineBudget _conflicts;

    public LeaseNews(TimeProvider time, ILogger log)
    {
        _log = log;
        _changes = new LineBudget(time, count => log.MoreLeaseChanges(count, LineBudget.Every.TotalSeconds));
        _rejects = new LineBudget(time, count => log.MoreEntriesRejected(count, LineBudget.Every.TotalSeconds));
        _conflicts = new LineBudget(time, count => log.MoreLeaseConflicts(count, LineBudget.Every.TotalSeconds));
    }

    /// <summary>Tells what differs between two tables.</summary>
    public void Tell(LeaseTable before, LeaseTable now)
    {
        LeaseEvent[] events = [.. now.ChangesSince(before)];
        if (before == LeaseTable.Empty || events.Length > LineBudget.Burst)
        {
            if (_changes.TryTake())
                _log.LeasesRead(now.Leases.Count, now.Revision, events.Length);
        }
        else
        {
            foreach (LeaseEvent change in events)
            {
                if (_changes.TryTake())
                    Tell(change);
            }
        }
        if (now.Conflicts.Count > 0)
            TellConflicts(before.Conflicts.ToHashSet(), now.Conflicts);
    }

    /// <summary>Tells that an entry is ignored.</summary>
    public void Reject(string path, string reason)
    {
        if (_rejects.TryTake())
            _log.EntryRejected(LogText.Escape(path), reason);
    }

    private void TellConflicts(HashSet<LeaseConflict> known, IReadOnlyList<LeaseConflict> conflicts)
    {
        foreach (LeaseConflict conflict in conflicts)
        {
            if (!known.Contains(conflict) && _conflicts.TryTake())
                _log.LeaseConflicts(conflict.Lease.Key, conflict.Lease.Attributes.PublicIP, conflict.Reason);
        }
    }

    private void Tell(LeaseEvent change)
    {
        if (change.After is Lease { Attributes: var now } after)
        {
            string backend = LogText.Escape(now.BackendType ?? "none");
            if (change.Before is null)
                _log.LeaseAdded(after.Key, now.PublicIP, backend, now.Vni, now.VtepMac);
            else
                _log.LeaseChanged(after.Key, change.Before.Attributes.PublicIP, now.PublicIP, backend, now.Vni, now.VtepMac);
        }
        else if (change.Before is Lease before)
        {
            _log.LeaseRemoved(before.Key, before.Attributes.PublicIP);
        }
    }
}
