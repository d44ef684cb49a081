using System.Net;

namespace Overlay.Simulation.Agents;

/// <summary>The lease an agent had when it wrote its state.</summary>
/// <param name="Subnet">Of it.</param>
/// <param name="EtcdLeaseId">The etcd lease of its key; 0 for a reservation.</param>
/// <param name="Expires">When it runs out, by the wall clock.</param>
public sealed record SavedLease(IPNetwork Subnet, long EtcdLeaseId, DateTimeOffset Expires);
