using System.Net;

namespace Overlay.Subnet.Model;

/// <summary>Whether two networks share addresses.</summary>
public static class NetworkOverlap
{
    /// <summary>One of the two lies within the other: networks cannot overlap in any other way.</summary>
    public static bool Overlaps(this IPNetwork network, IPNetwork other) => network.Contains(other.BaseAddress) || other.Contains(network.BaseAddress);
}
