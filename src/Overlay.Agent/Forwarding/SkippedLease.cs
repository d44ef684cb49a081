using Overlay.Subnet.Model;

namespace Overlay.Agent.Forwarding;

/// <summary>A lease that is left out of the forwarding table.</summary>
/// <param name="Lease">The lease.</param>
/// <param name="Reason">Why, in words for the log.</param>
public sealed record SkippedLease(Lease Lease, string Reason);
