using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Overlay.Subnet.Tests.Support;

/// <summary>Says one thing to whoever connects, and then nothing.</summary>
internal sealed class CannedServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<TcpClient> _clients = [];

    public CannedServer(string text)
    {
        _listener.Start();
        _ = AcceptAsync(Encoding.Latin1.GetBytes(text));
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Dispose()
    {
        _listener.Dispose();
        _clients.ForEach(client => client.Dispose());
    }

    private async Task AcceptAsync(byte[] text)
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync();
                _clients.Add(client);
                await client.GetStream().WriteAsync(text);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // disposed
        }
    }
}
