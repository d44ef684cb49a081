using System.Net;
using System.Text.RegularExpressions;

namespace Overlay.Agent.Configuration;

/// <summary>Which interface and addresses carry the traffic between nodes. With nothing set, the default route's interface does.</summary>
public sealed record UnderlaySettings
{
    /// <summary>Names or addresses of interfaces, first match wins (<c>--iface</c>). Defaults to none.</summary>
    public IReadOnlyList<string> Interfaces { get; init; } = [];

    /// <summary>Patterns over addresses, then over names, tried after <see cref="Interfaces"/> (<c>--iface-regex</c>). Defaults to none.</summary>
    public IReadOnlyList<Regex> InterfacePatterns { get; init; } = [];

    /// <summary>Take the interface that routes to this IPv4 address, tried last (<c>--iface-can-reach</c>). Defaults to none.</summary>
    public IPAddress? CanReach { get; init; }

    /// <summary>IPv4 address advertised to peers (<c>--public-ip</c>). Defaults to the interface's own.</summary>
    public IPAddress? PublicIp { get; init; }

    /// <summary>Local IPv4 address the VXLAN socket is bound to (<c>--listen-address</c>); 0.0.0.0 for all. Defaults to the interface's own.</summary>
    public IPAddress? ListenAddress { get; init; }

    /// <summary>Whether the operator named an interface in any way.</summary>
    public bool NamesInterface => Interfaces.Count > 0 || InterfacePatterns.Count > 0 || CanReach is not null;
}
