using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Overlay.Agent.Health;

namespace Overlay.Agent.Tests.Health;

public sealed class HealthServerTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _clock = new();
    private readonly HealthServer _server;
    private volatile bool _isReady;

    public HealthServerTests() => _server = HealthServer.Start(new IPEndPoint(IPAddress.Loopback, 0), () => _isReady, _clock);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answers_are_flannels()
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://{_server.EndPoint}") };
        Assert.Equal("flanneld is running", await client.GetStringAsync(new Uri("/healthz", UriKind.Relative), Cancel));

        using HttpResponseMessage before = await client.GetAsync(new Uri("/readyz?verbose=1", UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, before.StatusCode);
        Assert.Equal("flanneld is not ready yet", await before.Content.ReadAsStringAsync(Cancel));

        _isReady = true;
        Assert.Equal("flanneld is ready", await client.GetStringAsync(new Uri("/readyz", UriKind.Relative), Cancel));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ")]
    [InlineData("POST /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ")]
    [InlineData("GET /healthz\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("\r\n\r\n", "HTTP/1.1 400 ")]
    [InlineData("GET /healthz HTTP/1.0\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ")]
    public async Task Other_requests_get_their_status(string request, string expected) => Assert.StartsWith(expected, await AskAsync(request));

    [Fact]
    public async Task HEAD_has_no_body()
    {
        string answer = await AskAsync("HEAD /healthz HTTP/1.1\r\n\r\n");
        Assert.Contains("Content-Length: 19\r\n", answer);
        Assert.EndsWith("\r\n\r\n", answer);
    }

    [Fact]
    public async Task L9_an_endless_request_is_cut_off() => Assert.StartsWith("HTTP/1.1 400 ", await AskAsync(new string('x', 4096)));

    [Fact]
    public async Task L9_silent_clients_are_dropped_and_make_room()
    {
        List<Socket> silent = [];
        for (int i = 0; i < 40; i++) silent.Add(await ConnectAsync());
        Task<int[]> closed = Task.WhenAll(silent.Select(s => s.ReceiveAsync(new byte[16], Cancel).AsTask()));
        while (!closed.IsCompleted)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1, Cancel);
        }
        Assert.All(await closed, length => Assert.Equal(0, length));
        Assert.StartsWith("HTTP/1.1 200 ", await AskAsync("GET /healthz HTTP/1.1\r\n\r\n"));
        silent.ForEach(s => s.Dispose());
    }

    [Fact]
    public void A_taken_port_is_an_exception_at_start() =>
        Assert.Throws<SocketException>(() => HealthServer.Start(_server.EndPoint, () => true, _clock));

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(_server.EndPoint, Cancel);
        return socket;
    }

    private async Task<string> AskAsync(string request)
    {
        using Socket socket = await ConnectAsync();
        await socket.SendAsync(Encoding.ASCII.GetBytes(request), Cancel);
        var answer = new StringBuilder();
        byte[] buffer = new byte[1024];
        for (int read; (read = await socket.ReceiveAsync(buffer, Cancel)) > 0;) answer.Append(Encoding.ASCII.GetString(buffer, 0, read));
        return answer.ToString();
    }
}
