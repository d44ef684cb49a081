namespace Overlay.Testing.Packets;

/// <summary>The fields of an IPv4 header that a test may care about.</summary>
public sealed record IPv4Fields
{
    public byte Tos { get; init; }
    public ushort Id { get; init; } = 0x1234;
    public ushort Fragment { get; init; } = Packet.DontFragment;
    public byte Ttl { get; init; } = 64;
    public byte[] Options { get; init; } = [];
}

/// <summary>The fields of a TCP header that a test may care about.</summary>
public sealed record TcpFields
{
    public ushort SourcePort { get; init; } = 40_000;
    public ushort DestinationPort { get; init; } = 80;
    public uint Sequence { get; init; } = 1_000_000;
    public uint Acknowledgement { get; init; } = 7_654_321;
    public byte Flags { get; init; } = Packet.Ack;
    public ushort Window { get; init; } = 501;
    public byte[] Options { get; init; } = [];
}
