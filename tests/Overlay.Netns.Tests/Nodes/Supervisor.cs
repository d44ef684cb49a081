using System.Net.Sockets;
using System.Text;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Nodes;

/// <summary>systemd's side of sd_notify: a socket that keeps what the service says of itself.</summary>
internal sealed class Supervisor : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly List<string> _messages = [];

    /// <summary>Listens in a folder of the test.</summary>
    public Supervisor(string folder)
    {
        string path = Path.Combine(folder, "notify");
        _socket.Bind(new UnixDomainSocketEndPoint(path));
        Environment = new Dictionary<string, string> { ["NOTIFY_SOCKET"] = path };
        _ = ReceiveAsync();
    }

    /// <summary>What the service has to find in its environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>What was said so far, one entry for each message.</summary>
    public IReadOnlyList<string> Messages
    {
        get { lock (_messages) return [.. _messages]; }
    }

    /// <summary>Whether READY=1 was said.</summary>
    public bool IsReady => Messages.Any(message => message.Split('\n').Contains("READY=1"));

    /// <summary>Waits for a message that holds the text.</summary>
    public Task HeardAsync(string text) => Eventually.TrueAsync(
        () => Messages.Any(message => message.Contains(text, StringComparison.Ordinal)), $"the service tells its supervisor: {text}", () => string.Join('\n', Messages));

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private async Task ReceiveAsync()
    {
        byte[] buffer = new byte[8192];
        try
        {
            while (true)
            {
                int length = await _socket.ReceiveAsync(buffer);
                lock (_messages) _messages.Add(Encoding.UTF8.GetString(buffer, 0, length));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
