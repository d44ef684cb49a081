using System.Net;
using Overlay.Encap.Buffers;
using Overlay.Encap.Checksums;
using Overlay.Encap.Devices;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Tests.Linux;

/// <summary>What the real sender puts on the underlay, read off a TUN device that stands for the card.</summary>
public sealed class UdpSenderTests
{
    private static readonly IPAddress Here = IPAddress.Parse("10.9.0.1");
    private static readonly uint There = Prefix.AddressOf(IPAddress.Parse("10.9.1.1"));

    // The kernel refuses a segmented send of a socket that sends no checksums (EINVAL), so those of the agent always do.
    [Fact]
    public void G9_trains_and_single_datagrams_leave_with_a_right_outer_checksum()
    {
        foreach (byte[] packet in Sent(trainOf: 5, of: 700, singles: 2))
        {
            int length = packet.Length - IPv4View.MinHeader;
            ulong pseudo = InternetChecksum.PseudoHeader(packet.AsSpan(IPv4View.AddressesAt), IPv4View.Udp) + InternetChecksum.Word(length);
            Assert.NotEqual(0, packet[26] << 8 | packet[27]);
            Assert.Equal(0xFFFF, InternetChecksum.Fold(pseudo + InternetChecksum.SumScalar(packet.AsSpan(IPv4View.MinHeader))));
        }
    }

    [Fact]
    public void F6_A10_the_outer_header_has_a_ttl_of_64_and_forbids_fragments()
    {
        foreach (byte[] packet in Sent(trainOf: 3, of: 1400, singles: 1))
        {
            IPv4View outer = new(packet);
            Assert.Equal(64, outer.Ttl);
            Assert.Equal(IPv4View.DontFragment, outer.Fragment);
        }
    }

    private static List<byte[]> Sent(int trainOf, int of, int singles)
    {
        List<byte[]> packets = [];
        PrivateNetwork.Run(() =>
        {
            using FileDescriptor tun = TestTun.Create("ovl0");
            PrivateNetwork.Ip($"address add {Here}/32 dev ovl0");
            PrivateNetwork.Ip("link set ovl0 up");
            PrivateNetwork.Ip("route add 10.9.1.0/24 dev ovl0");
            using ShutdownSignal signal = new();
            using UdpSender sender = UdpSender.Open(Here, 8472, 1, signal);
            PacketArena arena = new(64 * 1024);
            Packet.Payload(arena.Bytes.Length).CopyTo(arena.Bytes);
            SendBatch batch = new(arena, lane: 0);
            for (int i = 0; i < trainOf; i++) batch.Add(There, 0, new Slice(i * of, of));
            // Longer ones than those before begin trains of their own.
            for (int i = 1; i <= singles; i++) batch.Add(There, 0, new Slice(i, of + i));
            Assert.Equal(1 + singles, batch.Trains.Length);
            Assert.Equal(IoResult.Done(1 + singles), sender.Send(batch, 0, batch.Trains.Length));
            byte[] buffer = new byte[2048];
            while (packets.Count < trainOf + singles)
            {
                int ready = Syscall.Poll(tun, POLLIN, signal.Descriptor, 10_000, out _, out _);
                Assert.True(ready > 0, $"only {packets.Count} packets came");
                int length = Syscall.Read(tun, buffer);
                // The kernel has things of its own to say on a new link.
                if (length > IPv4View.MinHeader && buffer[0] >> 4 == 4 && new IPv4View(buffer).Destination == There) packets.Add(buffer[..length]);
            }
        });
        return packets;
    }
}
