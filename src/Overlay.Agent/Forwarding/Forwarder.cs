using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Telemetry;
using Overlay.Encap.Forwarding;
using Overlay.Subnet.Following;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Forwarding;

/// <summary>
/// Keeps the forwarding table in step with our own place and the peers' leases. A peer that changes its PublicIP is
/// still heard at the old one for <see cref="Grace"/>, while packets may be on their way (FAULTS E10).
/// </summary>
/// <remarks>Thread-safe; each change is projected and published whole.</remarks>
public sealed class Forwarder : IDisposable
{
    /// <summary>How long a peer's former address is still accepted as a source.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly LineBudget _skips;
    private readonly ITimer _endOfGrace;
    private readonly Lock _gate = new();
    private readonly Dictionary<IPNetwork, (uint Endpoint, long Since)> _former = [];   // addresses, and when they were left
    private readonly HashSet<string> _reported = [];
    private LocalNode _local;
    private LeaseTable _leases = LeaseTable.Empty;
    private bool _isSuspended;

    /// <summary>Begins without peers: the filter is on, and nothing passes.</summary>
    public Forwarder(LocalNode local, TimeProvider time, ILogger log)
    {
        (_time, _log) = (time, log);
        _skips = new LineBudget(time, count => log.MoreLeasesSkipped(count, LineBudget.Every.TotalSeconds));
        _local = local;
        Table = new ForwardingTableRef(new ForwardingTable(local, []));
        _endOfGrace = time.CreateTimer(_ => ForgetFormer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What the packet loops read.</summary>
    public ForwardingTableRef Table { get; }

    /// <summary>Number of peers that packets can be sent to.</summary>
    public int Peers => Table.Current.Remotes.Length;

    /// <summary>Takes a new state of the leases.</summary>
    public void Update(LeaseTable leases)
    {
        lock (_gate)
        {
            long now = _time.GetTimestamp();   // one for all: they are forgotten together, too
            foreach (LeaseEvent change in leases.ChangesSince(_leases)) Remember(change, now);
            _leases = leases;
            Publish();
        }
    }

    /// <summary>Another node holds our subnet: nothing passes until <see cref="Move"/>.</summary>
    public void Suspend()
    {
        lock (_gate)
        {
            _isSuspended = true;
            Publish();
        }
    }

    /// <summary>Goes on under another subnet.</summary>
    public void Move(Prefix subnet)
    {
        lock (_gate)
        {
            _isSuspended = false;
            _local = _local with { Subnet = subnet };
            Publish();
        }
    }

    /// <summary>Goes on under another outer address.</summary>
    /// <param name="endpoint">Host order.</param>
    public void Readdress(uint endpoint)
    {
        lock (_gate)
        {
            _local = _local with { Endpoint = endpoint };
            Publish();
        }
    }

    /// <summary>Stops the clock of the grace time.</summary>
    public void Dispose() => _endOfGrace.Dispose();

    // The former holder of a subnet is not the new one under another address: it would be heard in the new one's name (FAULTS E11).
    private void Remember(LeaseEvent change, long now)
    {
        if (change.Before is not { } before) return;
        IPAddress former = before.Attributes.PublicIP;
        if (change.After is not { } after || after.Attributes.VtepMac != before.Attributes.VtepMac) _former.Remove(before.Subnet);
        else if (!former.Equals(after.Attributes.PublicIP))
        {
            if (_former.Count == 0) _endOfGrace.Change(Grace, Timeout.InfiniteTimeSpan);
            _former[after.Subnet] = (Prefix.AddressOf(former), now);
        }
    }

    // Each address has its own time: where peers move one after the other, none is heard at its old one for longer.
    private void ForgetFormer()
    {
        lock (_gate)
        {
            TimeSpan next = TimeSpan.MaxValue;
            foreach ((IPNetwork subnet, (_, long since)) in _former.ToArray())
            {
                TimeSpan left = Grace - _time.GetElapsedTime(since);
                if (left <= TimeSpan.Zero) _former.Remove(subnet);
                else if (left < next) next = left;
            }
            if (_former.Count > 0) _endOfGrace.Change(next, Timeout.InfiniteTimeSpan);
            Publish();
        }
    }

    private void Publish()
    {
        if (_isSuspended)
        {
            Table.Publish(new ForwardingTable(_local, []));
            return;
        }
        Projection projection = ForwardingProjector.Project(_local, _leases, _former.ToDictionary(entry => entry.Key, entry => entry.Value.Endpoint));
        Table.Publish(projection.Table);

        // Each reason once, for as long as it holds.
        HashSet<string> holding = [];
        foreach (SkippedLease skipped in projection.Skipped)
        {
            string report = $"{skipped.Lease.Key} {skipped.Reason}";
            if (holding.Add(report) && !_reported.Contains(report) && _skips.TryTake())
                _log.LeaseSkipped(skipped.Lease.Key, skipped.Lease.Attributes.PublicIP, skipped.Reason);
        }
        _reported.Clear();
        _reported.UnionWith(holding);
    }
}
