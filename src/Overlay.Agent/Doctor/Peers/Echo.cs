using System.Net;

namespace Overlay.Agent.Doctor.Peers;

/// <summary>What became of one echo request.</summary>
/// <param name="Answered">The answer came.</param>
/// <param name="RoundTrip">How long it took; of use only where it came.</param>
/// <param name="NextHopMtu">A router, or this host, said that the packet is too big, and what passes (bytes; 0: it did not say); else null.</param>
/// <param name="Problem">Why it could not be sent, or what an ICMP error said; null otherwise.</param>
/// <param name="Reporter">Who sent that error, or null.</param>
internal sealed record Echo(bool Answered, TimeSpan RoundTrip, int? NextHopMtu = null, string? Problem = null, IPAddress? Reporter = null)
{
    /// <summary>No answer in time.</summary>
    public static readonly Echo Lost = new(false, default);
}
