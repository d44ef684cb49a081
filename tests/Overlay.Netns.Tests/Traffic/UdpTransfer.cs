using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Traffic;

/// <summary>Datagrams from one pod to another, each compared byte for byte. The receiver confirms, so that no queue overflows.</summary>
internal static class UdpTransfer
{
    private const int Port = 5002;
    private const int MostUnderWay = 32, MostBytesUnderWay = 48 * 1024;   // well within a socket's receive buffer
    private const int SolUdp = 17, UdpSegment = 103;
    private const int IndexSize = sizeof(int);

    /// <summary>Sends datagrams and fails unless each arrives once and unchanged.</summary>
    /// <param name="from">Sends.</param>
    /// <param name="to">Receives.</param>
    /// <param name="size">Payload of one datagram, bytes.</param>
    /// <param name="count">How many at least.</param>
    /// <param name="segmented">True hands the kernel all that may be under way at once (UDP_SEGMENT), which reaches the tunnel as one super-packet.</param>
    public static async Task RunAsync(Pod from, Pod to, int size, int count, bool segmented = false)
    {
        using CancellationTokenSource deadline = Eventually.Deadline();
        using Socket receiver = to.Namespace.Socket(SocketType.Dgram, ProtocolType.Udp);
        receiver.Bind(new IPEndPoint(to.Address, Port));
        using Socket sender = from.Namespace.Socket(SocketType.Dgram, ProtocolType.Udp);
        sender.Bind(new IPEndPoint(from.Address, 0));
        await sender.ConnectAsync(new IPEndPoint(to.Address, Port), deadline.Token);
        if (segmented) sender.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(size));

        sender.DontFragment = false;   // as a program that does not care; .NET's default, said for the reader
        int under = Math.Clamp(MostBytesUnderWay / size, 1, MostUnderWay);
        byte[] window = new byte[under * size];
        byte[] buffer = new byte[65536];
        for (int start = 0; start < count; start += under)
        {
            for (int i = 0; i < under; i++) Fill(window.AsSpan(i * size, size), start + i);
            if (segmented) await sender.SendAsync(window, deadline.Token);
            else for (int i = 0; i < under; i++) await sender.SendAsync(window.AsMemory(i * size, size), deadline.Token);

            HashSet<int> arrived = [];
            while (arrived.Count < under)
            {
                SocketReceiveFromResult received;
                try
                {
                    received = await receiver.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), deadline.Token);
                }
                catch (OperationCanceledException)
                {
                    throw new TimeoutException($"{under - arrived.Count} of {under} datagrams of {size} bytes never arrived, from number {start} on");
                }
                int index = Check(buffer.AsSpan(0, received.ReceivedBytes), size);
                Assert.InRange(index, start, start + under - 1);
                Assert.True(arrived.Add(index), $"datagram {index} arrived twice");
                Assert.Equal(from.Address, ((IPEndPoint)received.RemoteEndPoint).Address);
            }
        }
    }

    // A number in front, and behind it what only that number gives.
    private static void Fill(Span<byte> datagram, int index)
    {
        BinaryPrimitives.WriteInt32BigEndian(datagram, index);
        Payload.Create(datagram.Length - IndexSize, index).CopyTo(datagram[IndexSize..]);
    }

    private static int Check(ReadOnlySpan<byte> datagram, int size)
    {
        Assert.Equal(size, datagram.Length);
        int index = BinaryPrimitives.ReadInt32BigEndian(datagram);
        Assert.Equal(Payload.Hash(Payload.Create(size - IndexSize, index)), Payload.Hash(datagram[IndexSize..]));
        return index;
    }
}
