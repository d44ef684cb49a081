namespace Overlay.Encap.Codec;

/// <summary>What varies in the outer IPv4 and UDP header.</summary>
/// <param name="Source">Our address, host order.</param>
/// <param name="Destination">The peer's, host order.</param>
/// <param name="SourcePort">One of ours, by flow.</param>
/// <param name="DestinationPort">The VXLAN port.</param>
/// <param name="Tos">The TOS octet.</param>
public readonly record struct OuterHeader(uint Source, uint Destination, ushort SourcePort, ushort DestinationPort, byte Tos);
