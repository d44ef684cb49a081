using Overlay.Subnet.Model;

namespace Overlay.Subnet.Watching;

/// <summary>A readable lease that the table does not apply, because it clashes with one that has the better claim.</summary>
/// <param name="Lease">The lease left out.</param>
/// <param name="Reason">Why, in words that are safe to log.</param>
public sealed record LeaseConflict(Lease Lease, string Reason);
