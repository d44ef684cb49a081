using CsCheck;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Offload;

/// <summary>The two halves of offload undo each other, and a coalescer loses, changes and reorders nothing.</summary>
public sealed class RoundTripTests
{
    private static readonly uint A = Nodes.Address(2, 2), B = Nodes.Address(1, 2);

    [Fact]
    public void Segmenting_then_coalescing_gives_the_super_packet_back() =>
        Gen.Select(Gen.Bool, Gen.Int[2, 60_000], Gen.Int[1, 1398], Gen.Int[0, 10], Gen.Bool, Gen.UInt, Gen.UShort, Gen.Byte).Sample(
            (isTcp, length, gsoSize, options, push, sequence, id, tos) =>
            {
                // Both ends bound a super-packet: 256 pieces, or 64 datagrams.
                gsoSize = Math.Max(gsoSize, length / (isTcp ? 250 : 63) + 1);
                if (gsoSize > 1398) length = gsoSize = 1398;
                if (length <= gsoSize) length = gsoSize + 1;
                IPv4Fields ip = new() { Id = id, Tos = tos };
                TcpFields tcp = new() { Sequence = sequence, Options = Packet.Payload(options * 4), Flags = (byte)(Packet.Ack | (push ? Packet.Psh : 0)) };
                SuperPacket super = isTcp ? SuperPacket.Tcp(A, B, Packet.Payload(length), gsoSize, tcp, ip) : SuperPacket.Udp(A, B, Packet.Payload(length), gsoSize, ip: ip);
                var joined = CoalescerUnderTest.Join(SegmenterTests.Cut(super), mtu: 1500);
                Assert.Equal((super.Header, true), (Assert.Single(joined).Header, super.Bytes.AsSpan().SequenceEqual(joined[0].Packet)));
            }, iter: 300);

    [Fact]
    public void Coalescing_then_segmenting_gives_every_flow_back_in_order() => Gen.Int[0, int.MaxValue].Sample(seed =>
    {
        List<byte[]> packets = Traffic(new Random(seed), 200);
        List<byte[]> result = [];
        foreach (var (header, packet, count) in CoalescerUnderTest.Join(packets))
        {
            List<byte[]> pieces = header.GsoType == VirtioNetHeader.GsoNone ? [packet] : SegmenterTests.Cut(new SuperPacket(packet, header, () => []));
            Assert.Equal(count, pieces.Count);
            result.AddRange(pieces);
        }
        Assert.Equal(packets.Count, result.Count);
        foreach (var flow in packets.GroupBy(FlowOf)) Assert.Equal(flow.ToList(), result.Where(packet => FlowOf(packet) == flow.Key).ToList());
    }, iter: 60);

    [Fact]
    public void Half_a_million_mutated_packets_never_throw_and_none_is_lost()
    {
        Random random = new(77);
        List<byte[]> corpus = Traffic(random, 64);
        CoalescerUnderTest coalescer = new();
        int added = 0;
        for (int turn = 0; turn < 8_000; turn++)
        {
            for (int i = 0; i < 64; i++)
            {
                byte[] packet = [.. corpus[(turn + i) % corpus.Count]];
                for (int n = random.Next(3); n > 0; n--) packet[random.Next(9, Math.Min(packet.Length, 64))] ^= (byte)(1 << random.Next(8));
                if (random.Next(4) == 0) Packet.FixHeaderChecksum(packet);
                coalescer.Add(packet);
                added++;
            }
            coalescer.Flush();
            Assert.Equal(added, coalescer.Out.Sum(o => o.Count));
            coalescer.Out.Clear();
            added = 0;
        }
    }

    // Eight flows interleaved: bulk with ends of bursts, gaps, other headers and sizes, in runs that the coalescer can hold or not.
    private static List<byte[]> Traffic(Random random, int count)
    {
        uint[] sequence = new uint[8];
        ushort[] id = new ushort[8];
        List<byte[]> packets = [];
        while (packets.Count < count)
        {
            int flow = random.Next(8);
            for (int run = random.Next(1, 12); run > 0 && packets.Count < count; run--)
            {
                int length = random.Next(6) == 0 ? random.Next(1, 400) : 400;
                byte flags = random.Next(8) switch { 0 => Packet.Ack | Packet.Psh, 1 => Packet.Ack | Packet.Ece, _ => Packet.Ack };
                IPv4Fields ip = new() { Id = id[flow]++, Fragment = 0, Ttl = (byte)(random.Next(12) == 0 ? 9 : 64) };
                if (random.Next(15) == 0) sequence[flow] += 5;
                packets.Add(flow < 5
                    ? Packet.Tcp(A, B, Packet.Payload(length, packets.Count), new TcpFields { SourcePort = (ushort)flow, Sequence = sequence[flow], Flags = flags }, ip)
                    : Packet.Udp(A, B, Packet.Payload(length, packets.Count), flow, ip: ip));
                sequence[flow] += (uint)length;
            }
        }
        return packets;
    }

    private static (byte, int) FlowOf(byte[] packet) => (packet[9], packet[20] << 8 | packet[21]);
}
