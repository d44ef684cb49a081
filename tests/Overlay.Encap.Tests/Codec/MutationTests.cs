using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Offload;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Codec;

/// <summary>FAULTS D11 and D12: whatever comes, one verdict and never an exception.</summary>
public sealed class MutationTests
{
    private static readonly byte[][] Corpus =
    [
        Judged.Good(),
        Nodes.Frame(2, 1, Packet.Tcp(Judged.Theirs, Judged.Ours, Packet.Payload(64), new TcpFields { Options = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8] })),
        Nodes.Frame(2, 1, Packet.Ping(Judged.Theirs, Judged.Ours, ip: new IPv4Fields { Options = [7, 7, 4, 0, 0, 0, 0, 0] })),
        Nodes.Frame(2, 1, Packet.Udp(Judged.Theirs, Judged.Ours, Packet.Payload(40), ip: new IPv4Fields { Fragment = 0x2000 })),
        Packet.Vxlan(Nodes.Mac(1).Value, Nodes.Mac(2).Value, Packet.Payload(46), etherType: 0x0806),
    ];

    [Fact]
    public void D11_every_truncation_is_dropped_for_its_length()
    {
        foreach (byte[] whole in Corpus[..4])
        {
            for (int length = 0; length < whole.Length; length++)
            {
                DropReason expected = length < 8 ? DropReason.ShortOuter : length <= 22 ? DropReason.ShortInner
                    : length < 22 + 20 || length < 22 + (whole[22] & 15) * 4 ? DropReason.IpHeader : DropReason.IpLength;
                Assert.Equal(expected, Judged.Of(whole.AsSpan(0, length)).Reason);
            }
        }
    }

    [Fact]
    public void D11_every_flipped_bit_gets_the_verdict_of_its_field()
    {
        byte[] whole = Judged.Good();
        for (int bit = 0; bit < whole.Length * 8; bit++)
        {
            byte[] datagram = [.. whole];
            datagram[bit / 8] ^= (byte)(0x80 >> bit % 8);
            DropReason[] allowed = AllowedFor(bit);
            Assert.Contains(Judged.Of(datagram).Reason, allowed);
        }
    }

    [Fact]
    public void D12_frames_of_one_repeated_byte_are_dropped_at_every_length()
    {
        byte[] frame = new byte[9216];
        ForwardingTable table = Nodes.Table(1);
        foreach (byte value in new byte[] { 0, 0xFF, 0x08, 0x45, 0xAA })
        {
            frame.AsSpan().Fill(value);
            for (int length = 0; length <= frame.Length; length++)
                if (Decapsulator.Judge(frame.AsSpan(0, length), Nodes.Endpoint(2), table, out _, out _) == DropReason.None) Assert.Fail($"{value} x {length}");
        }
    }

    [Fact]
    public void D12_random_frames_are_dropped_at_every_length_behind_right_headers_too()
    {
        byte[] frame = new byte[9216], headers = Nodes.Frame(2, 1, []);
        ForwardingTable table = Nodes.Table(1);
        Random random = new(12);
        for (int length = 0; length <= frame.Length; length++)
        {
            random.NextBytes(frame.AsSpan(0, Math.Min(length, 128)));
            if (Decapsulator.Judge(frame.AsSpan(0, length), Nodes.Endpoint(2), table, out _, out _) == DropReason.None) Assert.Fail($"length {length}");
            headers.CopyTo(frame.AsSpan());
            if (Decapsulator.Judge(frame.AsSpan(0, length), Nodes.Endpoint(2), table, out _, out _) == DropReason.None) Assert.Fail($"length {length}, right headers");
        }
    }

    [Fact]
    public void Mutated_datagrams_never_throw()
    {
        Random random = new(2026);
        ForwardingTable table = Nodes.Table(1, check: SourceCheck.Off);
        byte[] bytes = new byte[512], block = new byte[Segmenter.MaxHeader];
        int passed = 0, segmented = 0;
        for (int i = 0; i < 400_000; i++)
        {
            int length = Mutate(random, bytes);
            ReadOnlySpan<byte> datagram = bytes.AsSpan(0, length);
            if (Decapsulator.Judge(datagram, Nodes.Endpoint(2), table, out int inner, out _) == DropReason.None)
            {
                passed++;
                InboundPacket.Inspect(datagram.Slice(22, inner));
            }
            ReadOnlySpan<byte> packet = datagram[Math.Min(22, length)..];
            if (Encapsulator.Route(packet, table, out _, out int total) is DropReason.IpHeader or DropReason.IpLength or DropReason.Version or DropReason.Family) continue;
            FlowHash.Of(packet[..total]);
            IcmpError.Write(block.AsSpan(), packet[..total], 1, 0, 0);
            VirtioNetHeader header = new() { GsoType = (byte)random.Next(0, 6), GsoSize = (ushort)(random.Next(4) == 0 ? random.Next(65_536) : random.Next(40)) };
            if (Segmenter.TryCreate(packet[..total], header, out Segmenter segmenter) != DropReason.None) continue;
            segmented++;
            for (int index = 0; index < segmenter.Count; index++) segmenter.WriteHeader(index, block);
        }
        Assert.InRange(passed, 10_000, 390_000);      // the mutations are neither harmless nor hopeless
        Assert.InRange(segmented, 10_000, 390_000);
    }

    private static int Mutate(Random random, byte[] bytes)
    {
        byte[] seed = Corpus[random.Next(Corpus.Length)];
        seed.CopyTo(bytes, 0);
        int length = random.Next(8) == 0 ? random.Next(seed.Length + 1) : seed.Length;
        for (int n = random.Next(4); n > 0; n--)
        {
            int at = random.Next(3) == 0 ? random.Next(22) : random.Next(22, 64);
            bytes[at] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => (byte)(bytes[at] ^ 1 << random.Next(8)), _ => (byte)(random.Next(2) * 255) };
        }
        return length;
    }

    // Fields in packet order; those that only a kernel or a host looks at let everything pass.
    private static DropReason[] AllowedFor(int bit) => (bit / 8) switch
    {
        0 => [DropReason.BadFlags],
        < 4 or 7 => [DropReason.Reserved],
        < 7 => [DropReason.WrongVni],
        < 14 => [DropReason.DstMac],
        < 20 => [DropReason.SrcMac, DropReason.Loop],
        < 22 => [DropReason.NotIp, DropReason.Version, DropReason.Vlan],
        22 => [DropReason.Version, DropReason.IpHeader, DropReason.None],   // IHL 7 still fits
        < 24 => [DropReason.None],
        < 26 => [DropReason.IpLength, DropReason.None],                     // a shorter total length is padding
        < 30 => [DropReason.None],
        30 => [DropReason.Ttl, DropReason.None],
        < 34 => [DropReason.None],
        < 38 => [DropReason.SpoofOutside, DropReason.SpoofUnleased, DropReason.SpoofPeer, DropReason.SpoofSelf, DropReason.Martian, DropReason.None],
        < 42 => [DropReason.NotOurs, DropReason.MartianDst, DropReason.Martian, DropReason.None],
        _ => [DropReason.None],
    };
}
