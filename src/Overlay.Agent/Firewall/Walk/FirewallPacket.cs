using System.Net;

namespace Overlay.Agent.Firewall.Walk;

/// <summary>The first packet of a connection, for asking rules about it.</summary>
/// <param name="Source">Source address.</param>
/// <param name="Destination">Destination address.</param>
/// <param name="In">Interface it came in by; empty for none.</param>
/// <param name="Out">Interface it leaves by; empty for none.</param>
/// <param name="Protocol">As iptables names it: <c>tcp</c>, <c>udp</c>.</param>
/// <param name="Port">Destination port, or null for one that no rule names.</param>
internal sealed record FirewallPacket(IPAddress Source, IPAddress Destination, string In, string Out, string Protocol, int? Port = null);
