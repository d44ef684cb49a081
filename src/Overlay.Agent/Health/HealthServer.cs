using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Overlay.Agent.Health;

/// <summary>
/// flannel's two health checks over HTTP/1.1: <c>/healthz</c> says that the process runs, <c>/readyz</c> whether the node has a subnet and subnet.env names it.
/// Reads one request line, answers, closes. Bounded in connections, bytes and time, so that nobody who can reach the port can hold
/// anything of the agent's; no web server is worth its megabytes for this.
/// </summary>
public sealed class HealthServer : IAsyncDisposable
{
    private const int ConnectionLimit = 32;
    private const int RequestLimit = 4096;
    private static readonly TimeSpan ConnectionLife = TimeSpan.FromSeconds(5);

    private readonly TcpListener _listener;
    private readonly Func<bool> _isReady;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _slots = new(ConnectionLimit);
    private readonly Task _accepting;

    private HealthServer(TcpListener listener, Func<bool> isReady, TimeProvider time)
    {
        _listener = listener;
        _isReady = isReady;
        _time = time;
        EndPoint = (IPEndPoint)listener.LocalEndpoint;
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens; the real port where 0 was asked for.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Binds and starts to answer.</summary>
    /// <param name="endPoint">Address and TCP port.</param>
    /// <param name="isReady">Whether <c>/readyz</c> is to say yes; called from any thread.</param>
    /// <param name="time">Clock of the connections' deadline.</param>
    /// <exception cref="SocketException">The port is taken or the address is not this host's.</exception>
    public static HealthServer Start(IPEndPoint endPoint, Func<bool> isReady, TimeProvider time)
    {
        var listener = new TcpListener(endPoint);
        try
        {
            listener.Start();
            return new HealthServer(listener, isReady, time);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>Stops listening and drops open connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        for (int i = 0; i < ConnectionLimit; i++) await _slots.WaitAsync();
        _slots.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _slots.WaitAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            try
            {
                _ = ServeAsync(await _listener.AcceptSocketAsync(_stop.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                _slots.Release();
                // Out of descriptors, for one: wait until it may have passed rather than spin.
                if (!_stop.IsCancellationRequested) await Task.Delay(TimeSpan.FromMilliseconds(100), _time, CancellationToken.None);
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            using Socket connection = socket;
            using var deadline = new CancellationTokenSource(ConnectionLife, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _stop.Token);
            string request = await ReadHeadAsync(connection, either.Token);
            await connection.SendAsync(Answer(request), either.Token);
            connection.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The client's trouble.
        }
        finally
        {
            _slots.Release();
        }
    }

    private static async Task<string> ReadHeadAsync(Socket connection, CancellationToken cancel)
    {
        byte[] buffer = new byte[RequestLimit];
        int length = 0;
        while (length < buffer.Length)
        {
            int read = await connection.ReceiveAsync(buffer.AsMemory(length), cancel);
            length += read;
            bool isComplete = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) >= 0;
            if (read == 0 || isComplete) break;
        }
        string head = Encoding.Latin1.GetString(buffer, 0, length);
        int end = head.IndexOf("\r\n", StringComparison.Ordinal);
        return end < 0 ? "" : head[..end];
    }

    private byte[] Answer(string requestLine)
    {
        string[] parts = requestLine.Split(' ');
        bool isHttp = parts.Length == 3 && parts[2].StartsWith("HTTP/1.", StringComparison.Ordinal);
        (string status, string body) = (isHttp, isHttp ? parts[0] : "", isHttp ? parts[1].Split('?')[0] : "") switch
        {
            (false, _, _) => ("400 Bad Request", "bad request"),
            (_, not ("GET" or "HEAD"), _) => ("405 Method Not Allowed", "only GET and HEAD"),
            (_, _, "/healthz") => ("200 OK", "flanneld is running"),
            (_, _, "/readyz") when _isReady() => ("200 OK", "flanneld is ready"),
            (_, _, "/readyz") => ("503 Service Unavailable", "flanneld is not ready yet"),
            _ => ("404 Not Found", "404 page not found"),
        };
        string head = $"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n";
        return Encoding.ASCII.GetBytes(isHttp && parts[0] == "HEAD" ? head : head + body);
    }
}
