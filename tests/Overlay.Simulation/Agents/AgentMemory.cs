using System.Net;
using Overlay.Simulation.Time;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Simulation.Agents;

/// <summary>
/// What a process has to remember for the next one, and when it writes it down: as the daemon, once in a while, so that a crash loses the newest.
/// </summary>
public sealed class AgentMemory(SimAgent agent, SimProcess process)
{
    private static readonly TimeSpan WriteEvery = TimeSpan.FromSeconds(5); // as NodeMemory.WriteInterval

    private SavedLease? _lease = agent.Disk.Lease;
    private NetworkConfig? _config = agent.Disk.Answers?.Config;
    private (LeaseTable Table, int Branch)? _leases = agent.Disk.Answers is { } saved ? (saved.Leases, saved.Branch) : null;
    private IPAddress? _publicIP = agent.Disk.Answers?.PublicIP;
    private TimeSpan _written = -WriteEvery;
    private bool _isOpen;
    private bool _isPlanned;

    /// <summary>Remembers the lease.</summary>
    /// <param name="lease">As it is held now.</param>
    /// <param name="left">Its life from now; null where that is not known.</param>
    public void Take(OwnLease lease, TimeSpan? left)
    {
        DateTimeOffset expires = left is { } life ? process.GetUtcNow() + life : _lease?.Expires ?? process.GetUtcNow();
        (_lease, _publicIP) = (new SavedLease(lease.Subnet, lease.EtcdLeaseId, expires), lease.Attributes.PublicIP);
        Plan();
    }

    public void Take(NetworkConfig config)
    {
        _config = config;
        Plan();
    }

    public void Take(LeaseTable table, int branch)
    {
        _leases = (table, branch);
        Plan();
    }

    /// <summary>Begins to write: the node has all it needs.</summary>
    public void Open()
    {
        _isOpen = true;
        Plan();
    }

    /// <summary>Writes it down now.</summary>
    public void Save()
    {
        if (_isOpen)
            agent.Write(_lease, _config is not null && _leases is { } known && _publicIP is not null ? new SavedAnswers(_publicIP, _config, known.Table, known.Branch) : null);
        (_written, _isPlanned) = (process.Clock.Now, false);
    }

    private void Plan()
    {
        if (!_isOpen || _isPlanned)
            return;
        _isPlanned = true;
        process.Clock.After(_written + WriteEvery - process.Clock.Now, process, Save);
    }
}
