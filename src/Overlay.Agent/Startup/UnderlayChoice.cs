using System.Net;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Startup;

/// <summary>The interface and addresses that carry the traffic between nodes.</summary>
/// <param name="Link">The interface; its MTU is not 0.</param>
/// <param name="Address">Its own IPv4 address.</param>
/// <param name="PublicIp">The address peers send to: <c>--public-ip</c>, or <paramref name="Address"/>.</param>
/// <param name="ListenAddress">What the VXLAN socket binds to: <c>--listen-address</c>, or <paramref name="Address"/>.</param>
/// <param name="Reason">Why this interface, in words for the log.</param>
public sealed record UnderlayChoice(LinkInfo Link, IPAddress Address, IPAddress PublicIp, IPAddress ListenAddress, string Reason);
