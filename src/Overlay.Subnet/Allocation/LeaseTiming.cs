namespace Overlay.Subnet.Allocation;

/// <summary>How long an etcd lease lives and when it is renewed.</summary>
public sealed record LeaseTiming
{
    /// <summary>flannel's time to live, 24 hours.</summary>
    public TimeSpan Ttl { get; init; } = TimeSpan.FromSeconds(86400);

    /// <summary>Renew at the latest when this much is left (flannel's <c>--subnet-lease-renew-margin</c>); ignored if not below the time to live.</summary>
    public TimeSpan RenewMargin { get; init; } = TimeSpan.FromMinutes(60);

    /// <summary>When to renew after a renewal that granted <paramref name="granted"/>: after a third of it, or earlier if the margin asks so.</summary>
    public TimeSpan RenewAfter(TimeSpan granted)
    {
        TimeSpan third = granted / 3;
        TimeSpan byMargin = granted - RenewMargin;
        return byMargin > TimeSpan.Zero && byMargin < third ? byMargin : third;
    }
}
