namespace Overlay.Encap.Forwarding;

/// <summary>How closely the inner source of a packet is held to the lease of the node that sends it.</summary>
public enum SourceCheck
{
    /// <summary>A node speaks for its own subnet only, and under its own VTEP MAC. The default.</summary>
    Strict,

    /// <summary>
    /// As strict for sources inside of the overlay network; a source outside of it passes. For clusters where a node
    /// forwards clients from outside without masquerading. A foreign VTEP MAC is counted only.
    /// </summary>
    AntiSpoof,

    /// <summary>Only sources in somebody else's lease are refused.</summary>
    Off,
}
