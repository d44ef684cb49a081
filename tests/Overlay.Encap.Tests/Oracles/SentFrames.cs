using Overlay.Encap.Tests.Flow;
using Overlay.Encap.Tests.Offload;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Oracles;

/// <summary>What node 1 sends for a mix of packets, as whole frames of the underlay for an independent decoder.</summary>
internal sealed record SentFrames(List<byte[]> Frames, List<byte[]> Inner)
{
    private const int FirstPort = 49_152;

    /// <param name="port">Outer destination port of the frames.</param>
    public static SentFrames Make(int port = 8472)
    {
        NodeUnderTest node = new();
        uint ours = Nodes.Address(1, 2), theirs = Nodes.Address(2, 2);
        SuperPacket tcp = SuperPacket.Tcp(ours, theirs, Packet.Payload(5_000), 1398,
            new TcpFields { Flags = Packet.Ack | Packet.Psh, Options = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2] }, new IPv4Fields { Tos = 2 });
        SuperPacket udp = SuperPacket.Udp(ours, theirs, Packet.Payload(2_501), 500);
        byte[] ping = Packet.Ping(ours, theirs), partial = Packet.Tcp(ours, theirs, Packet.Payload(77), new TcpFields { SourcePort = 1 }), whole = [.. partial];
        Packet.MakePartial(partial);
        node.Tun.Send(ping);
        node.Tun.Send(partial, tcp.Header with { GsoType = 0, GsoSize = 0 });
        node.Tun.Send(tcp.Bytes, tcp.Header);
        node.Tun.Send(udp.Bytes, udp.Header);
        node.TurnOutbound();
        List<byte[]> frames = [.. node.Underlay.TakeSent().Select(sent => Outer(sent.Bytes, sent.How, port))];
        return new SentFrames(frames, [ping, whole, .. tcp.Segments(), .. udp.Segments()]);
    }

    private static byte[] Outer(byte[] payload, FakeUnderlay.Sent how, int port)
    {
        byte[] packet = Packet.Udp(Nodes.Endpoint(1), how.Destination, payload, FirstPort + how.Lane, port, new IPv4Fields { Tos = how.Tos });
        return [0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1, 8, 0, .. packet];
    }
}
