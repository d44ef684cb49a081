namespace Overlay.Netns.Tests.Nodes;

/// <summary>Who moves a node's packets.</summary>
public enum NodeKind
{
    /// <summary>The agent under test.</summary>
    Ours,

    /// <summary>The kernel's VXLAN device, set up as flanneld does.</summary>
    Kernel,
}
