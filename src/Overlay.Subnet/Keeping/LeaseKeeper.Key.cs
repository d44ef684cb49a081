using Overlay.Subnet.Allocation;
using Overlay.Subnet.Following;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Keeping;

/// <content>What the key says, and what follows from it.</content>
public sealed partial class LeaseKeeper
{
    private readonly ReasonThrottle _lines = new(time);
    private int _restorings; // since the last line that told of one
    private bool _isRestoringTold;
    private long _lookedAt; // the revision at which our key was last looked for before it was written
    private bool _hasNewAddress; // and nobody has looked yet whether it is another's, too

    private LeaseAttributes? Observe(FollowUpdate update)
    {
        if (update.Kind == FollowKind.Lost)
        {
            _isWatchLost = true;
            Tell(_contact.Lost(update.Failure!));
            return null;
        }
        if (update.Kind == FollowKind.Changes)
            HearAgain();
        if (update.Kind == FollowKind.Changes && update.Records.Count == 0) return null;
        if (update.Kind == FollowKind.RewoundSnapshot) Lease = Lease with { ModRevision = 0 }; // they start over: by ours of before all news were stale
        StoreRecord? record = update.Records.Count > 0 ? update.Records[^1] : null;
        long revision = update.Kind == FollowKind.Changes ? record!.ModRevision : update.Revision;
        // Older than our own last write: that write has answered it. Or than the look before one that is in doubt: its next try will.
        return revision < Lease.ModRevision || (_agenda.NeedsRepair && revision <= _lookedAt) ? null : Judge(record);
    }

    private void HearAgain()
    {
        _isWatchLost = false;
        if (_contact.Reached() is not { } back) return;
        Tell(back);
        _agenda.HurryUp(); // the lease may be gone, or have been given more time
    }

    private LeaseAttributes? Judge(StoreRecord? record)
    {
        if (record is { IsDeleted: false } && LeaseAttributes.TryParse(record.Value.Span, out LeaseAttributes? found, out _) && _wanted.IsOurs(found))
            Says(found); // perhaps with another address of ours, by a try whose answer was lost
        OwnKeyState state = OwnKey.Judge(record, Lease, out LeaseAttributes? other);
        if (state is OwnKeyState.Reserved or OwnKeyState.Doubled)
        {
            Adopt(record!);
            state = OwnKey.Judge(record, Lease, out other);
        }
        if (state == OwnKeyState.Foreign) return other;
        _standing = state == OwnKeyState.Gone ? null : record;
        if (state == OwnKeyState.Good)
        {
            _needsEtcdLease = false; // even if it was gone for a moment: a restored backup has brought it back with the key
            if (_agenda.NeedsRepair)
                Restored(); // by a try whose answer was lost
            else
                Stands(record!.ModRevision);
        }
        else
        {
            Restore(state == OwnKeyState.Gone ? "has vanished" : "was altered");
        }
        return null;
    }

    // What the key says is what it should: then its etcd lease is good enough, too. Two machines with one identity would write it in turn for ever,
    // each to attach it to its own (FAULTS C30).
    private void Adopt(StoreRecord record)
    {
        bool isOurOwn = record.EtcdLeaseId == 0 || record.EtcdLeaseId == acquirer.LastGranted; // by a write that was given up and came late
        if (!isOurOwn && ShouldSay("adopted")) log.LeaseAdopted(Lease.Key, record.EtcdLeaseId);
        Lease = Lease with { EtcdLeaseId = record.EtcdLeaseId };
        _needsEtcdLease = false;
        _agenda.RenewSoon();
    }

    // Somebody may do this to the key many times a second.
    private void Restore(string what)
    {
        _agenda.RepairSoon();
        _restorings++;
        _isRestoringTold = ShouldSay(what);
        if (!_isRestoringTold) return;
        log.LeaseRestoring(Lease.Key, _restorings > 1 ? $"{what}, as {_restorings} times since this was said last" : what);
        _restorings = 0;
    }

    private void Restored()
    {
        _agenda.Repaired();
        _hindrance = null;
        Lease = Lease with { ModRevision = _standing!.ModRevision };
        _agenda.ConfirmSoon(); // even if a store that was set back has come to the same revision again
        if (_isRestoringTold) log.LeaseRestored(Lease.Key, Lease.ModRevision);
        Tell(new LeaseHappening.Recreated(Lease));
    }

    private void Says(LeaseAttributes attributes)
    {
        _hasNewAddress |= !attributes.PublicIP.Equals(Lease.Attributes.PublicIP);
        Lease = Lease with { Attributes = attributes };
    }

    // Written anew, by whomever: others may have claimed the same meanwhile.
    private void Stands(long revision)
    {
        if (revision == Lease.ModRevision) return;
        _agenda.ConfirmSoon();
        Lease = Lease with { ModRevision = revision };
        if (!Lease.IsReservation) return; // a renewal tells of the others
        _hindrance = null;
        if (ShouldSay("reserved")) log.LeaseReserved(Lease.Key);
        Tell(new LeaseHappening.Reserved(Lease));
    }

    private bool ShouldSay(string what)
    {
        _lines.Reset();
        return _lines.ShouldLog(what);
    }
}
