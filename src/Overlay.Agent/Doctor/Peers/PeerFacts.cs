using System.Net;

namespace Overlay.Agent.Doctor.Peers;

/// <summary>What probes to one peer found.</summary>
/// <param name="PublicIp">Its address on the underlay.</param>
/// <param name="Overlay">Its address on the overlay, .0 of its subnet.</param>
internal sealed record PeerFacts(IPAddress PublicIp, IPAddress Overlay)
{
    /// <summary>Round trips through the overlay, of those that came back, in the order of time.</summary>
    public IReadOnlyList<TimeSpan> RoundTrips { get; init; } = [];

    /// <summary>How many were sent.</summary>
    public int Sent { get; init; }

    /// <summary>The path through the overlay; null where nothing came back.</summary>
    public PathProbe? OverlayPath { get; init; }

    /// <summary>The path on the underlay.</summary>
    public PathProbe? UnderlayPath { get; init; }

    /// <summary>What a datagram to its VXLAN port came to: true, refused, nobody listens there; false, nothing heard; null, not tried.</summary>
    public bool? IsPortRefused { get; init; }

    /// <summary>An error of the first request through the overlay, or null.</summary>
    public string? Problem { get; init; }
}
