using System.Buffers.Binary;
using System.Collections;
using System.Diagnostics;
using System.Net;
using Overlay.Encap.Buffers;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Load;

/// <summary>Counts what <see cref="UdpBlast"/> sent: delivered, lost, late, twice, and the longest time without any.</summary>
internal static class UdpSink
{
    /// <summary>Bytes of number and time in front of each payload.</summary>
    public const int HeaderSize = 16;

    private const int Window = 1 << 26;   // numbers remembered, one bit each

    /// <summary>Receives until the time is over.</summary>
    public static int Run(IPEndPoint listen, double seconds)
    {
        using ShutdownSignal signal = new();
        using UdpReceiver receiver = UdpReceiver.Open(listen.Address, listen.Port, workers: 1, joins: false, signal)[0];
        using Timer timer = new(_ => signal.Trigger(), null, TimeSpan.FromSeconds(seconds), Timeout.InfiniteTimeSpan);
        ReceiveBatch batch = new(64);
        BitArray seen = new(Window);
        long packets = 0, twice = 0, late = 0, highest = -1, lowest = long.MaxValue, bytes = 0;
        long first = 0, last = 0, silence = 0, worstDelay = 0;
        while (receiver.WaitReadable())
        {
            int count = receiver.Receive(batch).Count;
            long now = Stopwatch.GetTimestamp();
            for (int i = 0; i < count; i++)
            {
                Datagram datagram = batch.Datagrams[i];
                if (datagram.Length < HeaderSize) continue;
                ReadOnlySpan<byte> payload = batch.Arena.Bytes.Slice(ReceiveBatch.OffsetOf(i), datagram.Length);
                long number = BinaryPrimitives.ReadInt64LittleEndian(payload);
                worstDelay = Math.Max(worstDelay, now - BinaryPrimitives.ReadInt64LittleEndian(payload[8..]));
                int bit = (int)(number % Window);
                if (seen[bit]) twice++;
                seen[bit] = true;
                if (number < highest) late++;
                highest = Math.Max(highest, number);
                lowest = Math.Min(lowest, number);
                packets++;
                bytes += datagram.Length;
            }
            if (count <= 0) continue;
            if (first == 0) first = now;
            else silence = Math.Max(silence, now - last);
            last = now;
        }
        double took = Math.Max(1e-9, Stopwatch.GetElapsedTime(first, last).TotalSeconds);
        long lost = packets == 0 ? 0 : highest - lowest + 1 - (packets - twice);
        Console.WriteLine(FormattableString.Invariant(
            $"received={packets}\tlost={lost}\ttwice={twice}\tlate={late}\tbytes={bytes}\tseconds={took:F3}\tpps={packets / took:F0}\tsilence_ms={Ms(silence):F3}\tdelay_max_ms={Ms(worstDelay):F3}"));
        return 0;
    }

    private static double Ms(long ticks) => ticks * 1e3 / Stopwatch.Frequency;
}
