namespace Overlay.Simulation.Etcd;

/// <summary>An etcd lease.</summary>
/// <param name="Ttl">What it was granted for.</param>
/// <param name="Expires">When it runs out, by the world's clock, unless renewed.</param>
public readonly record struct EtcdLease(TimeSpan Ttl, TimeSpan Expires);
