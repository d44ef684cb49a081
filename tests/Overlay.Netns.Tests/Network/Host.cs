using System.Net;

namespace Overlay.Netns.Tests.Network;

/// <summary>A machine on the underlay: a namespace whose eth0 is plugged into the switch.</summary>
/// <param name="Name">Short name; also that of its port on the switch.</param>
/// <param name="Address">Its address on the underlay, of a /24.</param>
/// <param name="Namespace">Its network.</param>
internal sealed record Host(string Name, IPAddress Address, NetworkNamespace Namespace);
