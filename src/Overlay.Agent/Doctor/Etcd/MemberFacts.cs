using Overlay.Subnet.Etcd.Inspection;

namespace Overlay.Agent.Doctor.Etcd;

/// <summary>One etcd endpoint, asked by itself.</summary>
/// <param name="Endpoint">Its URL.</param>
internal sealed record MemberFacts(string Endpoint)
{
    /// <summary>Why it does not answer; null when it does.</summary>
    public string? Problem { get; init; }

    /// <summary>Times of several linearizable reads, without the first, which opens the connection.</summary>
    public IReadOnlyList<TimeSpan> Reads { get; init; } = [];

    /// <summary>What it says of itself, or null.</summary>
    public EtcdMemberStatus? Status { get; init; }

    /// <summary>Its metrics since it was started, or null.</summary>
    public EtcdMetrics? Metrics { get; init; }

    /// <summary>Its metrics over <see cref="Watched"/>, or null.</summary>
    public EtcdMetrics? Recent { get; init; }

    /// <summary>How long it was watched.</summary>
    public TimeSpan Watched { get; init; }

    /// <summary>Why there are none.</summary>
    public string? MetricsProblem { get; init; }

    /// <summary>Its clock minus ours, to the second; null where it does not say.</summary>
    public TimeSpan? ClockDifference { get; init; }
}
