using Overlay.Encap.Forwarding;

namespace Overlay.Agent.Forwarding;

/// <summary>What the projector made of the leases.</summary>
/// <param name="Table">What packets are judged by from now on.</param>
/// <param name="Skipped">Leases that no packet can be sent to.</param>
public sealed record Projection(ForwardingTable Table, IReadOnlyList<SkippedLease> Skipped);
