using Overlay.Encap.Wire;

namespace Overlay.Encap.Forwarding;

/// <summary>This node's own place in the overlay.</summary>
/// <param name="Network">All inner addresses of the overlay.</param>
/// <param name="Subnet">Those of them that are ours.</param>
/// <param name="Endpoint">Our outer address, host order.</param>
/// <param name="Mac">Our VTEP MAC.</param>
/// <param name="Vni">The segment.</param>
/// <param name="SourceCheck">How closely inner sources are checked.</param>
public sealed record LocalNode(Prefix Network, Prefix Subnet, uint Endpoint, MacAddress Mac, Vni Vni, SourceCheck SourceCheck);
