using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Load;

/// <summary>Sends datagrams that carry their number and the time they were made, many to a system call.</summary>
internal static class UdpBlast
{
    private const int Burst = 64;
    private const int Stride = 2048;

    /// <summary>Sends for a while and says how many went out.</summary>
    public static int Run(IPAddress from, IPEndPoint to, double seconds, int size, int rate, int flows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, UdpSink.HeaderSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, Stride);
        using ShutdownSignal signal = new();
        using UdpSender sender = UdpSender.Open(from, to.Port, flows, signal);
        PacketArena arena = new(Burst * Stride);
        SendBatch[] lanes = [.. Enumerable.Range(0, flows).Select(lane => new SendBatch(arena, lane, segments: 1))];
        uint destination = Prefix.AddressOf(to.Address);

        long start = Stopwatch.GetTimestamp(), end = start + (long)(seconds * Stopwatch.Frequency), number = 0, refused = 0;
        for (int lane = 0; Stopwatch.GetTimestamp() < end; lane = (lane + 1) % flows)
        {
            int burst = rate == 0 ? Burst : (int)Math.Min(Burst, (long)(Stopwatch.GetElapsedTime(start).TotalSeconds * rate) - number);
            if (burst <= 0)
            {
                Thread.Sleep(TimeSpan.FromMicroseconds(100));
                continue;
            }
            SendBatch batch = lanes[lane];
            batch.Clear();
            for (int i = 0; i < burst; i++)
            {
                Span<byte> payload = arena.Bytes.Slice(i * Stride, size);
                BinaryPrimitives.WriteInt64LittleEndian(payload, number + i);
                BinaryPrimitives.WriteInt64LittleEndian(payload[8..], Stopwatch.GetTimestamp());
                batch.Add(destination, 0, new Slice(i * Stride, size));
            }
            for (int next = 0; next < burst;)
            {
                IoResult sent = sender.Send(batch, next, burst - next);
                if (sent.Status == IoStatus.WouldBlock && sender.WaitWritable(lane)) continue;
                if (sent.Status != IoStatus.Ok) refused++;
                next += Math.Max(1, sent.Count);
            }
            number += burst;
        }
        double took = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Console.WriteLine(FormattableString.Invariant($"sent={number}\trefused={refused}\tseconds={took:F3}\tpps={number / took:F0}"));
        return 0;
    }
}
