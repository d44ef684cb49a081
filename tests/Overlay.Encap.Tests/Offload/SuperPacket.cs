using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Offload;

/// <summary>A super-packet as a TUN device hands it over, and the packets it stands for, each built on its own.</summary>
internal sealed record SuperPacket(byte[] Bytes, VirtioNetHeader Header, Func<List<byte[]>> Segments)
{
    public static SuperPacket Tcp(uint source, uint destination, byte[] payload, int gsoSize, TcpFields? tcp = null, IPv4Fields? ip = null)
    {
        TcpFields t = tcp ?? new TcpFields();
        IPv4Fields f = ip ?? new IPv4Fields();
        byte[] packet = Packet.Tcp(source, destination, payload, t, f);
        Packet.MakePartial(packet);
        int ipLength = 20 + f.Options.Length;
        VirtioNetHeader header = new()
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            GsoType = VirtioNetHeader.GsoTcp4,
            HeaderLength = (ushort)(ipLength + 20 + t.Options.Length),
            GsoSize = (ushort)gsoSize,
            ChecksumStart = (ushort)ipLength,
            ChecksumOffset = 16,
        };
        return new SuperPacket(packet, header, () => Cut(payload, gsoSize, (piece, i, isLast) =>
        {
            int flags = t.Flags & ~(isLast ? 0 : Packet.Fin | Packet.Psh) & ~(i == 0 ? 0 : Packet.Cwr);
            TcpFields own = t with { Sequence = t.Sequence + (uint)(i * gsoSize), Flags = (byte)flags };
            return Packet.Tcp(source, destination, piece, own, f with { Id = (ushort)(f.Id + i) });
        }));
    }

    public static SuperPacket Udp(uint source, uint destination, byte[] payload, int gsoSize, int sourcePort = 4000, IPv4Fields? ip = null)
    {
        IPv4Fields f = ip ?? new IPv4Fields();
        byte[] packet = Packet.Udp(source, destination, payload, sourcePort, ip: f);
        Packet.MakePartial(packet);
        int ipLength = 20 + f.Options.Length;
        VirtioNetHeader header = new()
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            GsoType = VirtioNetHeader.GsoUdpL4,
            HeaderLength = (ushort)(ipLength + 8),
            GsoSize = (ushort)gsoSize,
            ChecksumStart = (ushort)ipLength,
            ChecksumOffset = 6,
        };
        return new SuperPacket(packet, header, () =>
            Cut(payload, gsoSize, (piece, i, _) => Packet.Udp(source, destination, piece, sourcePort, ip: f with { Id = (ushort)(f.Id + i) })));
    }

    private static List<byte[]> Cut(byte[] payload, int size, Func<byte[], int, bool, byte[]> build)
    {
        List<byte[]> pieces = [];
        for (int at = 0, i = 0; at < payload.Length; at += size, i++)
            pieces.Add(build(payload[at..Math.Min(payload.Length, at + size)], i, at + size >= payload.Length));
        return pieces;
    }
}
