using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Overlay.Encap.Checksums;

namespace Overlay.Agent.Doctor.Peers;

/// <summary>
/// Sends ICMP echo requests of an exact size with DF, and pairs answers with them. Any number of callers at once. The path MTU that
/// the kernel has learned is not heeded (IP_PMTUDISC_PROBE): it is what shall be found out.
/// </summary>
internal sealed class EchoSocket : IAsyncDisposable
{
    /// <summary>IPv4 and ICMP header, bytes.</summary>
    public const int Headers = IPHeader + IcmpHeader;

    private const int IPHeader = 20, IcmpHeader = 8;
    private const int EchoReply = 0, Unreachable = 3, EchoRequest = 8, FragmentationNeeded = 4;
    private const int IpLevel = 0, MtuDiscover = 10, MtuDiscoverProbe = 3;   // linux/in.h

    private readonly Socket _socket;
    private readonly bool _isRaw;
    private readonly TimeProvider _time;
    private readonly ushort _id = (ushort)Random.Shared.Next(1, 65536);
    private readonly ConcurrentDictionary<(IPAddress, ushort), TaskCompletionSource<Echo>> _waiting = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _receiving;
    private int _sequence;

    private EchoSocket(Socket socket, bool isRaw, TimeProvider time)
    {
        (_socket, _isRaw, _time) = (socket, isRaw, time);
        socket.SetRawSocketOption(IpLevel, MtuDiscover, BitConverter.GetBytes(MtuDiscoverProbe));
        socket.ReceiveBufferSize = 1 << 20;
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        _receiving = ReceiveAsync();
    }

    /// <summary>Opens a raw socket, or the kind for everybody (net.ipv4.ping_group_range) where that is refused.</summary>
    /// <param name="time">Clock of the round trips.</param>
    /// <param name="problem">Why there is none; null otherwise.</param>
    public static EchoSocket? Open(TimeProvider time, out string? problem)
    {
        problem = null;
        foreach (bool isRaw in new[] { true, false })
        {
            try
            {
                return new EchoSocket(new Socket(AddressFamily.InterNetwork, isRaw ? SocketType.Raw : SocketType.Dgram, ProtocolType.Icmp), isRaw, time);
            }
            catch (SocketException e)
            {
                problem = $"no socket for pings ({e.Message}); run it as root";
            }
        }
        return null;
    }

    /// <summary>Sends one request and waits for what becomes of it.</summary>
    /// <param name="to">An IPv4 address.</param>
    /// <param name="size">Length of the IP packet, bytes; at least <see cref="Headers"/>.</param>
    /// <param name="patience">How long to wait.</param>
    /// <param name="stop">Ends it early.</param>
    public async Task<Echo> AskAsync(IPAddress to, int size, TimeSpan patience, CancellationToken stop)
    {
        ushort sequence = (ushort)Interlocked.Increment(ref _sequence);
        byte[] packet = new byte[size - IPHeader];
        packet[0] = EchoRequest;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), _id);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), sequence);
        InternetChecksum.WriteFinished(packet.AsSpan(2, 2), InternetChecksum.Sum(packet));

        TaskCompletionSource<Echo> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[(to, sequence)] = answer;
        long start = _time.GetTimestamp();
        try
        {
            await _socket.SendToAsync(packet, SocketFlags.None, new IPEndPoint(to, 0), stop).ConfigureAwait(false);
            Echo echo = await answer.Task.WaitAsync(patience, _time, stop).ConfigureAwait(false);
            return echo with { RoundTrip = _time.GetElapsedTime(start) };
        }
        catch (TimeoutException)
        {
            return Echo.Lost;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.MessageSize ? new Echo(false, default, NextHopMtu: 0) : new Echo(false, default, Problem: e.Message);
        }
        finally
        {
            _waiting.TryRemove((to, sequence), out _);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _receiving.ConfigureAwait(false);
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task ReceiveAsync()
    {
        byte[] buffer = new byte[65536];
        while (true)
        {
            try
            {
                SocketReceiveFromResult got = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _stop.Token).ConfigureAwait(false);
                Take(((IPEndPoint)got.RemoteEndPoint).Address, buffer.AsSpan(0, got.ReceivedBytes));
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException)
            {
                // The kernel reports an earlier send's error here; that send's answer will not come.
            }
        }
    }

    // A raw socket sees every ICMP packet of the host, with its IP header.
    private void Take(IPAddress from, ReadOnlySpan<byte> packet)
    {
        if (_isRaw) packet = Skip(packet);
        if (packet.Length < IcmpHeader) return;
        ReadOnlySpan<byte> icmp = packet[..IcmpHeader];
        if (icmp[0] == EchoReply && IsOurs(icmp)) Complete(from, icmp, new Echo(true, default));
        else if (icmp[0] == Unreachable && packet.Length >= IcmpHeader + Headers) TakeError(from, packet);
    }

    private void TakeError(IPAddress reporter, ReadOnlySpan<byte> packet)
    {
        ReadOnlySpan<byte> original = packet[IcmpHeader..], request = Skip(original);
        if (request.Length < IcmpHeader || request[0] != EchoRequest || !IsOurs(request)) return;
        Echo error = packet[1] == FragmentationNeeded
            ? new Echo(false, default, NextHopMtu: BinaryPrimitives.ReadUInt16BigEndian(packet[6..]), Reporter: reporter)
            : new Echo(false, default, Problem: $"{reporter} says unreachable (code {packet[1]})", Reporter: reporter);
        Complete(new IPAddress(original.Slice(16, 4)), request, error);
    }

    private static ReadOnlySpan<byte> Skip(ReadOnlySpan<byte> packet)
    {
        int header = packet.Length > 0 ? (packet[0] & 0xF) * 4 : 0;
        return packet.Length >= header ? packet[header..] : default;
    }

    // The other kind of socket gets its id, and only its own answers, from the kernel.
    private bool IsOurs(ReadOnlySpan<byte> icmp) => !_isRaw || BinaryPrimitives.ReadUInt16BigEndian(icmp[4..]) == _id;

    private void Complete(IPAddress peer, ReadOnlySpan<byte> icmp, Echo echo)
    {
        if (_waiting.TryRemove((peer, BinaryPrimitives.ReadUInt16BigEndian(icmp[6..])), out TaskCompletionSource<Echo>? answer)) answer.TrySetResult(echo);
    }
}
