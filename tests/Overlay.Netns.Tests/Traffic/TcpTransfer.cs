using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Traffic;

/// <summary>One TCP connection between two pods that carries a payload each way at the same time.</summary>
internal static class TcpTransfer
{
    private const int Port = 5001;

    /// <summary>Transfers, and fails unless both hashes are right.</summary>
    /// <param name="client">Connects.</param>
    /// <param name="server">Listens.</param>
    /// <param name="bytes">Payload in each direction.</param>
    /// <param name="write">Bytes of each write; small writes are sent at once (TCP_NODELAY).</param>
    public static async Task RunAsync(Pod client, Pod server, int bytes, int write)
    {
        using CancellationTokenSource deadline = Eventually.Deadline();
        using Socket listener = server.Namespace.Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(server.Address, Port));
        listener.Listen();
        using Socket near = client.Namespace.Socket(SocketType.Stream, ProtocolType.Tcp);
        Task<Socket> accepting = listener.AcceptAsync(deadline.Token).AsTask();
        await near.ConnectAsync(new IPEndPoint(server.Address, Port), deadline.Token);
        using Socket far = await accepting;
        near.NoDelay = far.NoDelay = true;

        byte[] there = Payload.Create(bytes, write), back = Payload.Create(bytes, write + 1);
        Task<string> farHash = ReceiveAsync(far, deadline.Token), nearHash = ReceiveAsync(near, deadline.Token);
        await Task.WhenAll(SendAsync(near, there, write, deadline.Token), SendAsync(far, back, write, deadline.Token));
        Assert.Equal(Payload.Hash(there), await farHash);
        Assert.Equal(Payload.Hash(back), await nearHash);
    }

    private static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> payload, int write, CancellationToken cancel)
    {
        for (int at = 0; at < payload.Length; at += write)
        {
            ReadOnlyMemory<byte> left = payload.Slice(at, Math.Min(write, payload.Length - at));
            while (left.Length > 0) left = left[await socket.SendAsync(left, cancel)..];
        }
        socket.Shutdown(SocketShutdown.Send);
    }

    private static async Task<string> ReceiveAsync(Socket socket, CancellationToken cancel)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[256 * 1024];
        while (await socket.ReceiveAsync(buffer, cancel) is > 0 and int received) hash.AppendData(buffer, 0, received);
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
