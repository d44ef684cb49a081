using System.Net;
using System.Net.Sockets;
using Overlay.Netns.Tests.Network;

namespace Overlay.Netns.Tests.Support;

/// <summary>HTTP from within a host's network.</summary>
internal static class Http
{
    /// <summary>One GET: status and body.</summary>
    public static async Task<(int Status, string Body)> GetAsync(Host host, int port, string path)
    {
        using SocketsHttpHandler handler = new()
        {
            UseProxy = false,
            ConnectCallback = async (_, cancel) =>
            {
                Socket socket = host.Namespace.Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(new IPEndPoint(host.Address, port), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using HttpClient client = new(handler);
        using HttpResponseMessage answer = await client.GetAsync(new Uri($"http://{host.Address}:{port}{path}"), TestContext.Current.CancellationToken);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
