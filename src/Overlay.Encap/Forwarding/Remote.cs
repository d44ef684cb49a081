using Overlay.Encap.Wire;

namespace Overlay.Encap.Forwarding;

/// <summary>One peer's lease as the packet path needs it.</summary>
/// <param name="Subnet">The inner addresses behind the peer.</param>
/// <param name="Endpoint">The outer address of its VTEP, host order.</param>
/// <param name="Mac">The MAC of its VTEP: the inner destination towards it, the inner source from it.</param>
/// <param name="PreviousEndpoint">
/// The outer address it had until a moment ago, still accepted as a source while packets may be on their way; 0 for none.
/// </param>
public readonly record struct Remote(Prefix Subnet, uint Endpoint, MacAddress Mac, uint PreviousEndpoint = 0);
