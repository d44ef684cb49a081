using System.Net;
using System.Net.Sockets;
using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Linux;

/// <summary>The two queues that a worker has of a real device.</summary>
public sealed class TunQueueTests
{
    private const string Here = "10.9.0.1";
    private const int BulkPort = 5001, LonePort = 5002, Large = 8000;

    private static readonly IPAddress There = IPAddress.Parse("10.9.0.2");

    private readonly byte[] _room = new byte[70_000];

    [Fact]
    public void A_lone_packet_passes_a_flow_in_bulk() => OnDevice((queue, bulk, lone) =>
    {
        for (int i = 0; i < 50; i++) Send(bulk, Large);
        Send(lone, 10);
        Assert.True(queue.WaitReadable());
        List<int> ports = PortsOfAll(queue);
        Assert.Equal(51, ports.Count);
        Assert.InRange(ports.IndexOf(LonePort), 0, 1);   // it was the last to come
    });

    [Fact]
    public void A_flood_of_lone_packets_does_not_hold_back_a_flow_in_bulk() => OnDevice((queue, bulk, lone) =>
    {
        for (int i = 0; i < 200; i++) Send(lone, 10);
        for (int i = 0; i < 3; i++) Send(bulk, Large);
        Assert.True(queue.WaitReadable());
        List<int> ports = PortsOfAll(queue);
        Assert.Equal(203, ports.Count);
        int[] at = [.. ports.Index().Where(p => p.Item == BulkPort).Select(p => p.Index)];
        Assert.Equal(3, at.Length);
        Assert.InRange(at[2], 0, 150);
    });

    [Fact]
    public void A_packet_that_comes_while_bulk_is_being_read_is_the_next_but_one() => OnDevice((queue, bulk, lone) =>
    {
        for (int i = 0; i < 20; i++) Send(bulk, Large);
        Assert.True(queue.WaitReadable());
        Assert.Equal(BulkPort, PortOfNext(queue));
        Assert.Equal(BulkPort, PortOfNext(queue));
        Send(lone, 10);
        Assert.Contains(LonePort, new[] { PortOfNext(queue), PortOfNext(queue) });
    });

    // The body gets two sockets that send into the device, each flow in its queue.
    private void OnDevice(Action<TunQueue, Socket, Socket> body) => PrivateNetwork.Run(() =>
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "there is no /dev/net/tun");
        using ShutdownSignal signal = new();
        using TunDevice device = TunDevice.Open("ovl0", 1, segments: true, signal);
        PrivateNetwork.Ip("link set ovl0 mtu 9000 up");
        PrivateNetwork.Ip($"address add {Here}/24 dev ovl0");
        TunQueue queue = device.Queues[0];
        using Socket bulk = Open(BulkPort), lone = Open(LonePort);
        Reply(queue, BulkPort, isBulk: true);
        Reply(queue, LonePort, isBulk: false);
        PortsOfAll(queue);   // what the kernel has to say on a new link
        body(queue, bulk, lone);
    });

    private static Socket Open(int port)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { SendBufferSize = 4 << 20 };
        socket.Bind(new IPEndPoint(IPAddress.Parse(Here), port));
        return socket;
    }

    private static void Send(Socket socket, int bytes) => Assert.Equal(bytes, socket.SendTo(new byte[bytes], new IPEndPoint(There, 7)));

    // As the far end would: the kernel learns from it where the flow shall wait.
    private static void Reply(TunQueue queue, int port, bool isBulk)
    {
        byte[] packet = Packet.Udp(Packet.Ip($"{There}"), Packet.Ip(Here), [1], 7, port);
        PacketArena arena = new(2048);
        arena.Bytes[..VirtioNetHeader.Size].Clear();
        packet.CopyTo(arena.Bytes[VirtioNetHeader.Size..]);
        Assert.Equal(IoStatus.Ok, queue.Write(arena, [new Slice(0, VirtioNetHeader.Size + packet.Length)], isBulk).Status);
    }

    private List<int> PortsOfAll(TunQueue queue)
    {
        List<int> ports = [];
        while (PortOfNext(queue) is { } port) ports.Add(port);
        return ports;
    }

    // The source port of the next UDP packet from here to there, or null where there is none.
    private int? PortOfNext(TunQueue queue)
    {
        while (true)
        {
            IoResult read = queue.Read(_room);
            if (read.Status == IoStatus.WouldBlock) return null;
            Assert.Equal(IoStatus.Ok, read.Status);
            ReadOnlySpan<byte> packet = _room.AsSpan(VirtioNetHeader.Size);
            if (packet[0] >> 4 == 4 && new IPv4View(packet).Destination == Packet.Ip($"{There}")) return packet[20] << 8 | packet[21];
        }
    }
}
