using System.Net;
using System.Net.Sockets;
using System.Text;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Firewall;

/// <summary>A server that tells each client under which address it is seen.</summary>
internal sealed class Witness : IDisposable
{
    private readonly Socket _listener;

    /// <summary>Listens on a free port.</summary>
    public Witness(NetworkNamespace space, IPAddress address)
    {
        _listener = space.Socket(SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(address, 0));
        _listener.Listen();
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _ = AnswerAsync(socket => Task.FromResult(((IPEndPoint)socket.RemoteEndPoint!).Address.ToString()));
    }

    private Witness(NetworkNamespace space, IPEndPoint next)
    {
        _listener = space.Socket(SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(IPAddress.Any, 0));
        _listener.Listen();
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _ = AnswerAsync(_ => AskAsync(space, next));
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>A proxy in user space, as kube-proxy once was one: asks another witness on behalf of its client.</summary>
    public static Witness CreateProxy(NetworkNamespace space, IPEndPoint next) => new(space, next);

    /// <summary>Asks the witness at an address, which may be that of a service.</summary>
    public static async Task<string> AskAsync(NetworkNamespace from, IPEndPoint to)
    {
        using CancellationTokenSource deadline = Eventually.Deadline();
        using Socket socket = from.Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(to, deadline.Token);
        byte[] buffer = new byte[64];
        int length = await socket.ReceiveAsync(buffer, deadline.Token);
        return Encoding.ASCII.GetString(buffer, 0, length);
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private async Task AnswerAsync(Func<Socket, Task<string>> answer)
    {
        try
        {
            while (true)
            {
                using Socket socket = await _listener.AcceptAsync();
                await socket.SendAsync(Encoding.ASCII.GetBytes(await answer(socket)));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
