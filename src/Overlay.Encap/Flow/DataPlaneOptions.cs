namespace Overlay.Encap.Flow;

/// <summary>The sizes and switches of the packet loops.</summary>
public sealed record DataPlaneOptions
{
    /// <summary>Most packets read from the TUN device in one turn.</summary>
    public int OutboundPackets { get; init; } = 64;

    /// <summary>Most buffers received from the underlay in one turn; each may hold many datagrams.</summary>
    public int InboundBuffers { get; init; } = 16;

    /// <summary>Source ports of each worker for flows in bulk, and as many for all others; a power of two is not needed.</summary>
    public int Lanes { get; init; } = 4;

    /// <summary>Several datagrams may leave in one UDP_SEGMENT send.</summary>
    public bool SegmentsSends { get; init; } = true;

    /// <summary>The TUN device takes TCP super-packets.</summary>
    public bool JoinsTcp { get; init; } = true;

    /// <summary>The TUN device takes UDP super-packets (TUN_F_USO4, Linux 6.2).</summary>
    public bool JoinsUdp { get; init; } = true;
}
