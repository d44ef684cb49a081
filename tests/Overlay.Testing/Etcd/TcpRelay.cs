using System.Net;
using System.Net.Sockets;

namespace Overlay.Testing.Etcd;

/// <summary>What a relay does with bytes.</summary>
public enum RelayMode
{
    /// <summary>Passes them on.</summary>
    Pass,

    /// <summary>Takes nothing from either side; connections stay open, new ones are accepted.</summary>
    Stall,

    /// <summary>Passes requests on and throws answers away.</summary>
    SwallowAnswers,

    /// <summary>Passes one byte of the answers a second.</summary>
    Trickle,
}

/// <summary>A TCP relay on a free loopback port in front of a loopback server, to be hurt by a test.</summary>
public sealed class TcpRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly List<Socket> _sockets = [];
    private readonly int _targetPort;
    private readonly Task _accepting;
    private volatile RelayMode _mode;

    /// <summary>Starts a relay to a loopback port.</summary>
    public TcpRelay(int targetPort)
    {
        _targetPort = targetPort;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    /// <summary>The port to connect to.</summary>
    public int Port { get; }

    /// <summary>What happens to bytes from now on.</summary>
    public RelayMode Mode { get => _mode; set => _mode = value; }

    /// <summary>Closes all connections.</summary>
    public void Cut()
    {
        lock (_gate)
        {
            _sockets.ForEach(socket => socket.Dispose());
            _sockets.Clear();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        Cut();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket client = await _listener.AcceptSocketAsync(_stop.Token).ConfigureAwait(false);
            var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            lock (_gate)
                _sockets.AddRange([client, server]);
            _ = RelayAsync(client, server);
        }
    }

    private async Task RelayAsync(Socket client, Socket server)
    {
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _targetPort, _stop.Token).ConfigureAwait(false);
            await Task.WhenAny(PumpAsync(client, server, isAnswer: false), PumpAsync(server, client, isAnswer: true)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // one side is gone
        }
        client.Dispose();
        server.Dispose();
    }

    private async Task PumpAsync(Socket from, Socket to, bool isAnswer)
    {
        byte[] buffer = new byte[16 * 1024];
        while (true)
        {
            bool trickle = isAnswer && _mode == RelayMode.Trickle;
            int count = await from.ReceiveAsync(buffer.AsMemory(0, trickle ? 1 : buffer.Length), _stop.Token).ConfigureAwait(false);
            if (count == 0)
                return;
            while (_mode == RelayMode.Stall)
                await Task.Delay(20, _stop.Token).ConfigureAwait(false);
            if (trickle)
                await Task.Delay(1000, _stop.Token).ConfigureAwait(false);
            if (!isAnswer || _mode != RelayMode.SwallowAnswers)
                await to.SendAsync(buffer.AsMemory(0, count), _stop.Token).ConfigureAwait(false);
        }
    }
}
