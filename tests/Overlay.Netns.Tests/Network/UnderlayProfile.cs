namespace Overlay.Netns.Tests.Network;

/// <summary>What the network cards of the nodes can do.</summary>
public enum UnderlayProfile
{
    /// <summary>Tunnel offload, as veth comes: a kernel peer sends whole TCP super-packets in one datagram (FAULTS G12).</summary>
    Full,

    /// <summary>UDP segmentation only: a current virtio-net card.</summary>
    Uso,

    /// <summary>No segmentation at all: everything is cut to the MTU before it leaves.</summary>
    Wire,
}
