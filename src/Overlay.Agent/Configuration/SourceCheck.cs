namespace Overlay.Agent.Configuration;

/// <summary>Which inner source addresses are taken from a peer (<c>--source-check</c>). No mode takes another node's, or our own.</summary>
public enum SourceCheck
{
    /// <summary>Only the peer's own lease.</summary>
    Strict,

    /// <summary>Also addresses outside the overlay network, for setups that route through a node without masquerading.</summary>
    AntiSpoof,

    /// <summary>As <see cref="AntiSpoof"/>, and also overlay addresses that nobody leases.</summary>
    Off,
}
