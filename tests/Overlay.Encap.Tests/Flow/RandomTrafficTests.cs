using Overlay.Encap.Buffers;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Tests.Codec;
using Overlay.Encap.Tests.Offload;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Flow;

/// <summary>Whole loops under random input and random refusals: nothing throws, and every packet is accounted for.</summary>
public sealed class RandomTrafficTests
{
    private static readonly uint Ours = Judged.Ours, Theirs = Judged.Theirs;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Outbound_every_packet_is_delivered_or_counted(int seed)
    {
        Random random = new(seed);
        NodeUnderTest node = new(nodes: 5, check: SourceCheck.Off);
        node.Underlay.Records = false;
        node.Underlay.OnSend = (_, _) => random.Next(20) == 0 ? new IoResult((IoStatus)random.Next(1, 5), 0, 1) : default;
        for (int turn = 0; turn < 400; turn++)
        {
            for (int i = random.Next(40); i > 0; i--)
            {
                byte[] packet = Mutated(random, Any(random, Ours, Nodes.Address(random.Next(1, 8), 2)));
                VirtioNetHeader header = random.Next(3) switch
                {
                    0 => default,
                    1 => new VirtioNetHeader { Flags = 1, GsoType = (byte)(random.Next(2) * 4 + 1), GsoSize = (ushort)random.Next(1, 1500), ChecksumStart = 20, ChecksumOffset = 16 },
                    _ => VirtioNetHeader.Read(Packet.Payload(VirtioNetHeader.Size, random.Next())),
                };
                node.Tun.Send(packet, header);
            }
            node.TurnOutbound();   // asserts the sum
        }
        FlowSnapshot counts = node.TurnOutbound();
        Assert.Equal(node.Underlay.SentCount, counts.Delivered);
        Assert.True(counts.Delivered > 2_000 && counts.DropsByReason.Count() > 6, counts.ToString());
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Inbound_every_packet_is_delivered_or_counted(int seed)
    {
        Random random = new(seed);
        NodeUnderTest node = new(nodes: 5);
        node.Tun.Discards = true;
        node.Tun.OnWrite = _ => random.Next(50) == 0 ? new IoResult((IoStatus)random.Next(1, 5), 0, 1) : default;
        for (int turn = 0; turn < 400; turn++)
        {
            for (int i = random.Next(40); i > 0; i--)
            {
                byte[] one = Nodes.Frame(2, 1, Any(random, Theirs, Ours));
                byte[] all = [.. Enumerable.Range(0, random.Next(1, 12)).SelectMany(_ => Mutated(random, one)).Take(65_507)];
                int segment = random.Next(6) == 0 ? random.Next(1, 3000) : one.Length;
                node.Underlay.Inject(all, new Datagram(all.Length, segment, Nodes.Endpoint(random.Next(12) == 0 ? random.Next(8) : 2), (byte)random.Next(4), random.Next(60) == 0));
            }
            node.TurnInbound();   // asserts the sum
        }
        FlowSnapshot counts = node.TurnInbound();
        Assert.True(counts.Delivered > 5_000 && counts.DropsByReason.Count() > 10, counts.ToString());
    }

    private static byte[] Any(Random random, uint source, uint destination)
    {
        byte[] payload = Packet.Payload(random.Next(8) == 0 ? random.Next(9_000) : random.Next(200), random.Next());
        IPv4Fields ip = new() { Tos = (byte)random.Next(4), Fragment = (ushort)(random.Next(10) == 0 ? random.Next(65_536) : Packet.DontFragment) };
        return random.Next(3) switch
        {
            0 => Packet.Tcp(source, destination, payload, ip: ip),
            1 => SuperPacket.Udp(source, destination, payload, 100, ip: ip).Bytes,
            _ => Packet.Udp(source, destination, payload, random.Next(4), ip: ip),
        };
    }

    private static byte[] Mutated(Random random, byte[] bytes)
    {
        if (random.Next(3) > 0) return bytes;
        byte[] changed = bytes[..(random.Next(4) == 0 ? random.Next(bytes.Length + 1) : bytes.Length)];
        if (changed.Length > 0) changed[random.Next(Math.Min(changed.Length, 60))] ^= (byte)(1 << random.Next(8));
        return changed;
    }
}
