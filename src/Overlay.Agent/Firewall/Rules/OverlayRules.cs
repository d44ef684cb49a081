using System.Net;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Firewall.Rules;

/// <summary>What the firewall is to do for one overlay on this host. Which chains and rules that means, each flavour knows.</summary>
/// <param name="Network">The overlay network.</param>
/// <param name="Subnet">This node's part of it.</param>
/// <param name="Port">UDP port of the tunnel.</param>
internal sealed record OverlayRules(IPNetwork Network, IPNetwork Subnet, ushort Port)
{
    /// <summary>Everything, whosever it is: for <see cref="Former"/> when nothing is known of earlier runs.</summary>
    public static readonly IPNetwork Everything = new(IPAddress.Any, 0);

    /// <summary>Masquerade what crosses the border of the overlay.</summary>
    public bool Masquerade { get; init; }

    /// <summary>Choose the source ports of masqueraded flows at random.</summary>
    public bool FullyRandom { get; init; } = true;

    /// <summary>Let the overlay's traffic through FORWARD.</summary>
    public bool Forward { get; init; }

    /// <summary>The overlay's device; null where none is, and nothing to be let out of it.</summary>
    public string? Device { get; init; }

    /// <summary>Overlay networks of earlier runs, whose rules are to go.</summary>
    public IReadOnlyList<IPNetwork> Former { get; init; } = [];

    /// <summary>No rules at all for these networks.</summary>
    public static OverlayRules None(params IReadOnlyList<IPNetwork> networks) =>
        new(networks[0], networks[0], 0) { Former = networks };

    /// <summary>Whether a network is part of this overlay, or of one of earlier runs.</summary>
    public bool Concerns(IPNetwork network) => network.Overlaps(Network) || Former.Any(former => network.Overlaps(former));
}
