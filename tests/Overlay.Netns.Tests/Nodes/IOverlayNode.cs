using Overlay.Netns.Tests.Network;

namespace Overlay.Netns.Tests.Nodes;

/// <summary>A node of the overlay, whoever moves its packets.</summary>
internal interface IOverlayNode
{
    /// <summary>Its place on the underlay.</summary>
    Host Host { get; }

    /// <summary>Its subnet.env.</summary>
    SubnetFile File { get; }

    /// <summary>Its VTEP MAC, in small letters with colons.</summary>
    string VtepMac { get; }
}
