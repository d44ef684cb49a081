using Overlay.Subnet.Model;

namespace Overlay.Subnet.Watching;

/// <summary>One difference between two lease tables.</summary>
/// <param name="Before">The lease in the older table; null when it was added.</param>
/// <param name="After">The lease in the newer table; null when it was removed.</param>
public readonly record struct LeaseEvent(Lease? Before, Lease? After);
