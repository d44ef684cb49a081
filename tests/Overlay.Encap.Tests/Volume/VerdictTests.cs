using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Offload;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Volume;

/// <summary>
/// FAULTS S1: structured random inputs, each verdict held against <see cref="NaiveNode"/>. For more of them:
/// <c>OVERLAY_INPUTS=1000000000 dotnet run -c Release --project tests/Overlay.Encap.Tests -- -class "*VerdictTests"</c>.
/// </summary>
public sealed class VerdictTests
{
    private static readonly SourceCheck[] Checks = [SourceCheck.Strict, SourceCheck.AntiSpoof, SourceCheck.Off];

    private readonly ForwardingTable[] _tables = [.. Checks.Select(check => Nodes.Table(1, NaiveNode.Count, check))];
    private readonly long[] _seen = new long[Enum.GetValues<DropReason>().Length];

    [Fact]
    public void S1_ten_million_nearly_right_datagrams_get_the_verdicts_of_a_naive_node()
    {
        Volume.Run(Judge);
        DropReason[] ofThisDirection =
        [
            DropReason.None, DropReason.ShortOuter, DropReason.ShortInner, DropReason.BadFlags, DropReason.Reserved, DropReason.WrongVni, DropReason.DstMac,
            DropReason.Loop, DropReason.SrcMac, DropReason.NotIp, DropReason.Vlan, DropReason.Version, DropReason.Family, DropReason.IpHeader,
            DropReason.IpLength, DropReason.Martian, DropReason.MartianDst, DropReason.Ttl, DropReason.SpoofPeer, DropReason.SpoofSelf,
            DropReason.SpoofUnleased, DropReason.SpoofOutside, DropReason.NotOurs,
        ];
        Assert.All(ofThisDirection, reason => Assert.True(_seen[(int)reason] > 100, $"{reason} came up {_seen[(int)reason]} times"));
        Assert.InRange(_seen[(int)DropReason.None], _seen.Sum() / 10, _seen.Sum() * 9 / 10);
    }

    [Fact]
    public void S1_ten_million_nearly_right_packets_go_where_a_naive_node_sends_them()
    {
        Volume.Run(Route);
        DropReason[] ofThisDirection =
        [
            DropReason.None, DropReason.Version, DropReason.Family, DropReason.IpHeader, DropReason.IpLength, DropReason.Martian, DropReason.MartianDst,
            DropReason.NoRoute, DropReason.ForeignSource,
        ];
        Assert.All(ofThisDirection, reason => Assert.True(_seen[(int)reason] > 100, $"{reason} came up {_seen[(int)reason]} times"));
    }

    private void Judge(int seed)
    {
        Dice dice = new((ulong)seed);
        Span<byte> bytes = new byte[Inputs.MaxLength];
        Span<long> seen = stackalloc long[_seen.Length];
        for (int i = 0; i < Volume.Chunk; i++)
        {
            int check = dice.Next(Checks.Length);
            uint from = Nodes.Endpoint(2 + dice.Next(8) / 7);
            ReadOnlySpan<byte> datagram = bytes[..Inputs.Make(ref dice, bytes)];
            DropReason verdict = Decapsulator.Judge(datagram, from, _tables[check], out int length, out _);
            DropReason expected = NaiveNode.Judge(datagram, from, Checks[check]);
            int total = verdict == DropReason.None ? datagram[24] << 8 | datagram[25] : 0;
            if (verdict != expected || length != total)
                Assert.Fail($"seed {seed}, input {i}, {Checks[check]}: {verdict} with {length} bytes instead of {expected} with {total}: {Convert.ToHexString(datagram)}");
            if (verdict == DropReason.None)
                InboundPacket.Inspect(datagram.Slice(Decapsulator.PacketAt, length));
            seen[(int)verdict]++;
        }
        Add(seen);
    }

    private void Route(int seed)
    {
        Dice dice = new((ulong)seed << 32);
        Span<byte> bytes = new byte[Inputs.MaxLength];
        byte[] block = new byte[Segmenter.MaxHeader];
        Span<long> seen = stackalloc long[_seen.Length];
        for (int i = 0; i < Volume.Chunk; i++)
        {
            int check = dice.Next(Checks.Length);
            int made = Inputs.Make(ref dice, bytes);
            ReadOnlySpan<byte> packet = bytes[Math.Min(made, Decapsulator.PacketAt)..made];
            DropReason verdict = Encapsulator.Route(packet, _tables[check], out int remote, out int length);
            (DropReason expected, int node) = NaiveNode.Route(packet, Checks[check]);
            int routed = remote >= 0 ? (int)(_tables[check].Remotes[remote].Subnet.Address >> 8 & 255) : 0;
            if (verdict != expected || routed != node)
                Assert.Fail($"seed {seed}, input {i}, {Checks[check]}: {verdict} to {routed} instead of {expected} to {node}: {Convert.ToHexString(packet)}");
            if (verdict == DropReason.None)
                Segment(ref dice, packet[..length], block);
            seen[(int)verdict]++;
        }
        Add(seen);
    }

    // What follows a verdict on the way out: nothing of it may throw, whatever the device says of the packet.
    private static void Segment(ref Dice dice, ReadOnlySpan<byte> packet, byte[] block)
    {
        FlowHash.Of(packet);
        IcmpError.Write(block, packet, 1, 0, 0);
        VirtioNetHeader header = new() { GsoType = (byte)dice.Next(6), GsoSize = (ushort)(dice.Next(4) == 0 ? dice.Next(65_536) : dice.Next(40)) };
        if (Segmenter.TryCreate(packet, header, out Segmenter segmenter) != DropReason.None) return;
        for (int index = 0; index < segmenter.Count; index++) segmenter.WriteHeader(index, block);
    }

    private void Add(Span<long> seen)
    {
        for (int i = 0; i < seen.Length; i++) Interlocked.Add(ref _seen[i], seen[i]);
    }
}
