using System.Net;
using System.Net.Sockets;
using Overlay.Encap.Buffers;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Tests.Linux;

/// <summary>The sockets of the VXLAN port, and which of them gets a datagram.</summary>
public sealed class UdpReceiverTests
{
    private const int Port = 8472;

    [Fact]
    public void A_lone_datagram_from_an_even_port_passes_a_backlog_from_odd_ones() => PrivateNetwork.Run(() =>
    {
        PrivateNetwork.Ip("link set lo up");
        using ShutdownSignal signal = new();
        using UdpReceiver receiver = UdpReceiver.Open(IPAddress.Loopback, Port, workers: 1, joins: false, signal)[0];
        Send(50_001, 30_000, times: 60);
        Send(50_002, 10, times: 1);

        ReceiveBatch batch = new(16);
        List<int> lengths = [], calls = [];
        while (lengths.Count < 61)
        {
            Assert.True(receiver.WaitReadable());
            int count = receiver.Receive(batch).Count;
            calls.Add(count);
            for (int i = 0; i < count; i++) lengths.Add(batch.Datagrams[i].Length);
        }
        Assert.InRange(lengths.IndexOf(10), 0, 16);   // by the second call, though it came last
        Assert.Equal([30_000, 10], lengths.Distinct().OrderDescending());
        Assert.All(calls.Skip(2), count => Assert.InRange(count, 1, 4));   // of large ones a few at a time, as soon as they are known to be large
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_datagram_of_a_source_port_comes_to_the_same_worker_and_all_have_some(int workers) => PrivateNetwork.Run(() =>
    {
        PrivateNetwork.Ip("link set lo up");
        using ShutdownSignal signal = new();
        UdpReceiver[] receivers = UdpReceiver.Open(IPAddress.Loopback, Port, workers, joins: false, signal);
        Assert.Equal(workers, receivers.Length);
        for (int port = 50_000; port < 50_012; port++) Send(port, port - 49_000, times: 3);

        ReceiveBatch batch = new(64);
        HashSet<int> seen = [];
        for (int worker = 0; worker < workers; worker++)
        {
            List<int> ports = [];
            while (ports.Count < 36 / workers)
            {
                Assert.True(receivers[worker].WaitReadable());
                int count = receivers[worker].Receive(batch).Count;
                Assert.True(count > 0, "nothing came");
                for (int i = 0; i < count; i++) ports.Add(batch.Datagrams[i].Length + 49_000);
            }
            Assert.Equal(12 / workers, ports.Distinct().Count());
            Assert.All(ports, port => Assert.Equal(worker, port / 2 % workers));
            seen.UnionWith(ports);
        }
        Assert.Equal(12, seen.Count);
        foreach (UdpReceiver receiver in receivers) receiver.Dispose();
    });

    [Fact]
    public void K18_the_port_is_nobody_elses_even_if_he_would_share_it() => PrivateNetwork.Run(() =>
    {
        PrivateNetwork.Ip("link set lo up");
        using ShutdownSignal signal = new();
        UdpReceiver[] receivers = UdpReceiver.Open(IPAddress.Loopback, Port, workers: 2, joins: false, signal);
        Assert.Equal(Errno.EADDRINUSE, Assert.Throws<LinuxException>(() => UdpReceiver.Open(IPAddress.Loopback, Port, 2, joins: false, signal)).Errno);

        using Socket other = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        other.SetRawSocketOption(1, 15, BitConverter.GetBytes(1));   // SOL_SOCKET, SO_REUSEPORT
        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.Throws<SocketException>(() => other.Bind(new IPEndPoint(IPAddress.Loopback, Port))).SocketErrorCode);
        foreach (UdpReceiver receiver in receivers) receiver.Dispose();
        other.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        Assert.Equal(Errno.EADDRINUSE, Assert.Throws<LinuxException>(() => UdpReceiver.Open(IPAddress.Loopback, Port, 2, joins: false, signal)).Errno);
    });

    private static void Send(int sourcePort, int bytes, int times)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, sourcePort));
        for (int i = 0; i < times; i++) Assert.Equal(bytes, socket.SendTo(new byte[bytes], new IPEndPoint(IPAddress.Loopback, Port)));
    }
}
