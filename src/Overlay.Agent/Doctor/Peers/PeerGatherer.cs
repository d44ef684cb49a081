using System.Net;
using System.Net.Sockets;
using Overlay.Encap.Mtu;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Doctor.Peers;

/// <summary>Probes the peers: pings on both networks, of small and of full size. Reads no state and leaves none.</summary>
internal static class PeerGatherer
{
    /// <summary>More are not probed: the first of so many tell what there is to tell.</summary>
    public const int MostPeers = 128;

    private const int Pings = 20, AtOnce = 32;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50), Patience = TimeSpan.FromSeconds(1), ShortPatience = TimeSpan.FromMilliseconds(400);

    /// <summary>Probes each, many at once.</summary>
    /// <param name="peers">Their leases.</param>
    /// <param name="mtu">The overlay's MTU.</param>
    /// <param name="port">UDP port of every node.</param>
    /// <param name="sockets">For the pings.</param>
    /// <param name="time">Clock of the waits.</param>
    /// <param name="stop">Ends it early.</param>
    public static async Task<IReadOnlyList<PeerFacts>> GatherAsync(
        IReadOnlyList<Lease> peers, int mtu, int port, EchoSocket sockets, TimeProvider time, CancellationToken stop)
    {
        using SemaphoreSlim slots = new(AtOnce);
        return await Task.WhenAll(peers.Take(MostPeers).Select(async peer =>
        {
            await slots.WaitAsync(stop).ConfigureAwait(false);
            try
            {
                return await ProbeAsync(new PeerFacts(peer.Attributes.PublicIP, peer.Subnet.BaseAddress), mtu, port, sockets, time, stop).ConfigureAwait(false);
            }
            finally
            {
                slots.Release();
            }
        })).ConfigureAwait(false);
    }

    private static async Task<PeerFacts> ProbeAsync(PeerFacts peer, int mtu, int port, EchoSocket sockets, TimeProvider time, CancellationToken stop)
    {
        Task<PathProbe> underlay = PathProbe.RunAsync(size => sockets.AskAsync(peer.PublicIp, size, ShortPatience, stop), mtu + Overhead.OuterIPv4);
        List<Task<Echo>> pings = [];
        for (int i = 0; i < Pings; i++)
        {
            pings.Add(sockets.AskAsync(peer.Overlay, PathProbe.Small, Patience, stop));
            await Task.Delay(Interval, time, stop).ConfigureAwait(false);
        }
        Echo[] echoes = await Task.WhenAll(pings).ConfigureAwait(false);
        peer = peer with
        {
            Sent = Pings,
            RoundTrips = [.. echoes.Where(e => e.Answered).Select(e => e.RoundTrip)],
            Problem = echoes.FirstOrDefault(e => e.Problem is not null)?.Problem,
            UnderlayPath = await underlay.ConfigureAwait(false),
        };
        return peer.RoundTrips.Count > 0
            ? peer with { OverlayPath = await PathProbe.RunAsync(size => sockets.AskAsync(peer.Overlay, size, ShortPatience, stop), mtu).ConfigureAwait(false) }
            : peer with { IsPortRefused = await IsRefusedAsync(new IPEndPoint(peer.PublicIp, port), time, stop).ConfigureAwait(false) };
    }

    // Where nobody listens the peer's kernel says so by ICMP, if its firewall lets it. The empty datagram is dropped and counted otherwise.
    private static async Task<bool> IsRefusedAsync(IPEndPoint port, TimeProvider time, CancellationToken stop)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            await socket.ConnectAsync(port, stop).ConfigureAwait(false);
            await socket.SendAsync(Array.Empty<byte>(), SocketFlags.None, stop).ConfigureAwait(false);
            await socket.ReceiveAsync(new byte[1], SocketFlags.None, stop).AsTask().WaitAsync(ShortPatience, time, stop).ConfigureAwait(false);
            return false;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionRefused;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
