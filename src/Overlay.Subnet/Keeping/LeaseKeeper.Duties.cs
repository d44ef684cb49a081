using Microsoft.Extensions.Logging;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Keeping;

/// <content>The duties, one try at a time.</content>
public sealed partial class LeaseKeeper
{
    private static readonly TimeSpan SwapPatience = TimeSpan.FromSeconds(15); // two nodes that exchange addresses do not do it at one moment

    private readonly NamesakeSuspicion _suspicion = new(time);
    private string? _hindrance; // said last

    // Returns the other node that has taken our subnet.
    private async Task<LeaseAttributes?> WorkAsync(LeaseDuty duty, CancellationToken cancellationToken)
    {
        try
        {
            LeaseAttributes? other = null;
            if (duty == LeaseDuty.Repair)
                other = await RepairAsync(cancellationToken).ConfigureAwait(false);
            else if (duty == LeaseDuty.Renew)
                await RenewAsync(cancellationToken).ConfigureAwait(false);
            else
                other = await ConfirmAsync(cancellationToken).ConfigureAwait(false);
            if (!_isWatchLost) Tell(_contact.Reached());
            if (!_agenda.NeedsRepair) _throttle.Reset();
            else if (duty == LeaseDuty.Repair) _agenda.Failed(duty); // somebody was quicker
            return other;
        }
        catch (StoreException e)
        {
            _needsEtcdLease |= e.Fault == StoreFault.LeaseNotFound;
            _agenda.Failed(duty);
            bool isTold = e.IsLossOfContact && _isWatchLost; // by the watcher of all leases
            if (_throttle.ShouldLog(e)) log.LeaseNotRenewed(isTold ? LogLevel.Debug : LogLevel.Warning, Lease.Key, e.Message);
            if (e.Fault is StoreFault.Unreachable or StoreFault.Timeout) Tell(_contact.Lost(e));
            else if (e.Fault != StoreFault.LeaseNotFound && duty != LeaseDuty.Confirm) Hinder(e.Message);
            return null;
        }
    }

    private async Task<LeaseAttributes?> RepairAsync(CancellationToken cancellationToken)
    {
        if (_standing is null && await FindTakenAsync(cancellationToken).ConfigureAwait(false) is { } taker)
            return taker;
        if (_needsEtcdLease || (_standing is null && Lease.IsReservation)) // one that was taken away; the subnet is still ours to lease
        {
            (long id, _) = await store.GrantAsync(timing.Ttl, cancellationToken).ConfigureAwait(false);
            Lease = Lease with { EtcdLeaseId = id };
            _needsEtcdLease = false;
        }
        LeaseAttributes wanted = _wanted.Current;
        byte[] value = wanted.ToJson();
        WriteResult result = await store.PutAsync(StorePaths.Subnet(Lease.Key), value, Lease.EtcdLeaseId, _standing, cancellationToken).ConfigureAwait(false);
        if (!result.Succeeded)
            return Judge(result.Current);
        Says(wanted);
        _standing = Written(value, result.Revision);
        Restored();
        return null;
    }

    // While our key was away, its subnet was free: another node may have been given one that overlaps it, or the operator may have taken the
    // whole network away.
    private async Task<LeaseAttributes?> FindTakenAsync(CancellationToken cancellationToken)
    {
        _lookedAt = 0;
        StoreSnapshot standing = await store.ReadAsync(StorePaths.Config, cancellationToken).ConfigureAwait(false);
        if (standing.Records is [var text, ..] && NetworkConfig.TryParse(text.Value.Span, out _) is { } now) // otherwise the last good one stays in force, and whoever watches it says so
        {
            if (now.Network == _config.Network)
                _config = now;
            else if (!now.Network.Overlaps(Lease.Subnet))
                throw new StoreException(StoreFault.Other, $"its key is gone, and the network config in etcd leases {now.Network} by now; restart this agent");
        }
        StoreSnapshot all = await store.ReadAsync(StorePaths.Subnets, cancellationToken).ConfigureAwait(false);
        _lookedAt = all.Revision;
        return RivalClaims.Overlapping(all, Lease.Key, Lease.Attributes)?.Attributes;
    }

    private StoreRecord Written(byte[] value, long revision) => new(StorePaths.Subnet(Lease.Key), value, Lease.EtcdLeaseId, CreateRevision: 0, revision);

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        TimeSpan asked = _agenda.Now;
        TimeSpan ttl = await store.KeepAliveAsync(Lease.EtcdLeaseId, cancellationToken).ConfigureAwait(false);
        if (ttl <= TimeSpan.Zero)
        {
            _needsEtcdLease = true;
            _standing = null; // the key died with its etcd lease; create-if-absent finds out whether somebody else has it
            Restore("has expired");
            return;
        }
        log.LeaseRenewed(Lease.Key, ttl.TotalSeconds);
        Renewed(ttl, asked);
    }

    private void Renewed(TimeSpan ttl, TimeSpan asked)
    {
        _agenda.Renewed(asked + ttl, asked + timing.RenewAfter(ttl));
        if (_agenda.NeedsRepair) return; // a lease without its key is of no use to anybody
        _hindrance = null;
        Tell(new LeaseHappening.Renewed(Lease, ttl));
    }

    // Of two nodes that claim the same, whoever wrote later gives way. Both write, and look afterwards, so one of them sees it.
    private async Task<LeaseAttributes?> ConfirmAsync(CancellationToken cancellationToken)
    {
        StoreSnapshot all = await store.ReadAsync(StorePaths.Subnets, cancellationToken).ConfigureAwait(false);
        _agenda.Confirmed(again: null);
        if (RivalClaims.Own(all, Lease) is not StoreRecord own) return null;
        if (!Lease.IsReservation && RivalClaims.Overlapping(all, Lease.Key, Lease.Attributes, own.CreateRevision) is { } elder)
        {
            WriteResult deleted = await store.DeleteAsync(own.Path, own, cancellationToken).ConfigureAwait(false);
            return deleted.Succeeded ? elder.Attributes : Judge(deleted.Current);
        }
        TimeSpan patience = _hasNewAddress ? SwapPatience : 2 * timing.Ttl;
        Lease? namesake = RivalClaims.Namesake(all, Lease.Attributes, own.ModRevision);
        if (_suspicion.Left(namesake, patience) is not { } left)
        {
            _hasNewAddress = false;
            return null;
        }
        if (left > TimeSpan.Zero)
        {
            log.NamesakeFound(Lease.Attributes.PublicIP, namesake!.Key, namesake.Attributes.NodeId!, left.TotalSeconds);
            _agenda.Confirmed(again: left < patience / 4 ? left : patience / 4);
            return null;
        }
        if (!Lease.IsReservation) await store.DeleteAsync(own.Path, own, cancellationToken).ConfigureAwait(false);
        throw new DuplicatePublicIpException(Lease.Attributes, namesake!);
    }

    private void Hinder(string reason)
    {
        if (_hindrance == reason) return;
        _hindrance = reason;
        Tell(new LeaseHappening.Hindered(Lease, reason));
    }
}
