using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Overlay.Load;

/// <summary>One byte there, one byte back, over one connection: what a wake-up costs.</summary>
internal static class TcpRoundTrips
{
    /// <summary>Echoes one client's bytes until it closes or the time is over.</summary>
    public static int Serve(IPEndPoint listen, double seconds)
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(listen);
        listener.Listen(1);
        if (!listener.Poll(TimeSpan.FromSeconds(seconds), SelectMode.SelectRead)) return 1;
        using Socket client = Prepare(listener.Accept(), seconds);
        byte[] one = new byte[1];
        while (client.Receive(one) == 1) client.Send(one);
        return 0;
    }

    /// <summary>Asks for a while and says how often it got an answer, and how long the answers took.</summary>
    public static int Ask(IPEndPoint to, double seconds)
    {
        using Socket socket = Prepare(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp), seconds + 5);
        socket.Connect(to);
        byte[] one = new byte[1];
        List<long> ticks = new(1 << 20);
        long start = Stopwatch.GetTimestamp();
        for (long now = start; Stopwatch.GetElapsedTime(start, now).TotalSeconds < seconds;)
        {
            socket.Send(one);
            if (socket.Receive(one) != 1) break;
            long then = now;
            now = Stopwatch.GetTimestamp();
            ticks.Add(now - then);
        }
        double took = Stopwatch.GetElapsedTime(start).TotalSeconds;
        ticks.Sort();
        double Us(double quantile) => ticks.Count == 0 ? 0 : ticks[(int)((ticks.Count - 1) * quantile)] * 1e6 / Stopwatch.Frequency;
        Console.WriteLine(FormattableString.Invariant(
            $"round_trips={ticks.Count}\tper_second={ticks.Count / took:F0}\tp50_us={Us(0.5):F1}\tp99_us={Us(0.99):F1}\tmax_us={Us(1):F1}"));
        return 0;
    }

    private static Socket Prepare(Socket socket, double seconds)
    {
        socket.NoDelay = true;
        socket.ReceiveTimeout = (int)(seconds * 1000);
        return socket;
    }
}
