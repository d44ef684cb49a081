using System.Net;
using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Tests.Firewall;

/// <summary>The overlay of these tests.</summary>
internal static class Some
{
    public static OverlayRules Rules { get; } = new(IPNetwork.Parse("10.1.0.0/16"), IPNetwork.Parse("10.1.15.0/24"), 8472) { Masquerade = true, Forward = true, Device = "flannel.1" };

    public static OverlayRules Other { get; } = new(IPNetwork.Parse("10.9.0.0/16"), IPNetwork.Parse("10.9.3.0/24"), 8473) { Masquerade = true, Forward = true, Device = "flannel.2" };
}
