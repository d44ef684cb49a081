using Overlay.Encap.Tests.Offload;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Oracles;

/// <summary>
/// FAULTS G1: the kernel is given the same super-packets, and its own segmentation is compared byte by byte.
/// <code>
/// write ─► ovin (virtio-net header) ─► forwarding, one hop less ─► ovout (no offload: cut in software) ─► read
/// </code>
/// </summary>
public sealed class KernelSegmentationTests
{
    private static readonly uint A = Packet.Ip("10.5.1.2"), B = Packet.Ip("10.5.2.2");

    [Fact]
    public void G1_our_tcp_segments_equal_the_kernels() => Compare(TcpCases(), needsUdp: false);

    [Fact]
    public void G4_our_udp_segments_equal_the_kernels() => Compare(UdpCases(), needsUdp: true);

    private static void Compare(IEnumerable<(string, Func<byte, SuperPacket>)> cases, bool needsUdp)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for a TUN device in a network namespace");
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "no /dev/net/tun");
        bool takesPackets = true;
        RawTun.InNamespace(() =>
        {
            File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "1");
            using RawTun input = new("ovin", offloads: true), output = new("ovout", offloads: false);
            foreach (string arguments in new[] { "link set ovin up mtu 1500", "link set ovout up mtu 1500", "addr add 10.5.1.1/24 dev ovin", "addr add 10.5.2.1/24 dev ovout" })
                RawTun.Ip(arguments);
            takesPackets = !needsUdp || input.TakesUdpSegments;
            if (!takesPackets) return;
            foreach ((string name, Func<byte, SuperPacket> make) in cases)
            {
                SuperPacket given = make(64), expected = make(63);   // forwarding takes one hop
                byte[] raw = new byte[VirtioNetHeader.Size + given.Bytes.Length];
                given.Header.Write(raw);
                given.Bytes.CopyTo(raw, VirtioNetHeader.Size);
                input.Write(raw);

                List<byte[]> ours = SegmenterTests.Cut(expected);
                List<byte[]> kernels = output.Read(ours.Count, packet => packet[0] >> 4 == 4 && packet[9] == given.Bytes[9]);
                Assert.True(ours.Count == kernels.Count, $"{name}: {ours.Count} of ours, {kernels.Count} of the kernel's");
                for (int i = 0; i < ours.Count; i++)
                    if (!ours[i].AsSpan().SequenceEqual(kernels[i])) Assert.Fail($"{name}, segment {i}:\n{Start(ours[i])}\n{Start(kernels[i])}");
            }
        });
        Assert.SkipUnless(takesPackets, "this kernel's TUN devices take no UDP super-packets (Linux 6.2)");
    }

    private static string Start(byte[] packet) => Convert.ToHexString(packet.AsSpan(0, Math.Min(60, packet.Length)));

    private static IEnumerable<(string, Func<byte, SuperPacket>)> TcpCases()
    {
        byte[] timestamps = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
        TcpFields tcp = new() { Sequence = uint.MaxValue - 2000, Flags = Packet.Ack | Packet.Psh | Packet.Fin, Options = timestamps };
        yield return ("tcp", ttl => SuperPacket.Tcp(A, B, Packet.Payload(10_000), 1398, tcp, new IPv4Fields { Ttl = ttl }));
        yield return ("tcp, whole segments", ttl => SuperPacket.Tcp(A, B, Packet.Payload(5 * 1398), 1398, tcp, new IPv4Fields { Ttl = ttl }));
        yield return ("tcp, tail of 1", ttl => SuperPacket.Tcp(A, B, Packet.Payload(2 * 1398 + 1), 1398, tcp, new IPv4Fields { Ttl = ttl }));
        yield return ("tcp, odd size", ttl => SuperPacket.Tcp(A, B, Packet.Payload(4_321), 777, tcp, new IPv4Fields { Ttl = ttl, Id = 0xFFFE }));
        yield return ("tcp, without DF", ttl => SuperPacket.Tcp(A, B, Packet.Payload(4_000), 1000, tcp, new IPv4Fields { Ttl = ttl, Fragment = 0 }));
        yield return ("tcp, 62 kB", ttl => SuperPacket.Tcp(A, B, Packet.Payload(61_900), 1398, tcp, new IPv4Fields { Ttl = ttl }));
        yield return ("tcp, CWR and CE", ttl =>
        {
            SuperPacket super = SuperPacket.Tcp(A, B, Packet.Payload(4_000), 1000, tcp with { Flags = Packet.Ack | Packet.Cwr | Packet.Ece }, new IPv4Fields { Ttl = ttl, Tos = 3 });
            return super with { Header = super.Header with { GsoType = VirtioNetHeader.GsoTcp4 | VirtioNetHeader.GsoEcn } };
        }
        );
    }

    private static IEnumerable<(string, Func<byte, SuperPacket>)> UdpCases()
    {
        yield return ("udp", ttl => SuperPacket.Udp(A, B, Packet.Payload(10_001), 1400, ip: new IPv4Fields { Ttl = ttl }));
        yield return ("udp, tail of 1", ttl => SuperPacket.Udp(A, B, Packet.Payload(2 * 500 + 1), 500, ip: new IPv4Fields { Ttl = ttl }));
    }
}
