using System.Diagnostics;

namespace Overlay.Encap.Linux.Threads;

/// <summary>
/// For how long the packet threads of a plane may look for the next packet before they sleep, and whether they may at the moment. They may
/// not while packets come in bulk on any of them: there many packets pay for one wake-up, and a core that looks is one that the senders lack.
/// </summary>
/// <remarks>Shared by all threads of a plane, without a lock: what one of them sees late costs a look too many.</remarks>
/// <param name="longest">How long a wait may look; zero for never.</param>
public sealed class SpinBudget(TimeSpan longest)
{
    /// <summary>Bytes in one turn of a loop that are no longer the request or the reply that somebody waits for.</summary>
    public const int BulkBytes = 4096;

    /// <summary>Never to look.</summary>
    public static readonly SpinBudget None = new(TimeSpan.Zero);

    private static readonly long BulkLasts = Stopwatch.Frequency / 1000;

    private long _bulkUntil = long.MinValue;

    /// <summary>How long a wait may look, in Stopwatch's ticks.</summary>
    public long Longest { get; } = (long)(longest.TotalSeconds * Stopwatch.Frequency);

    /// <summary>Asked before each wait.</summary>
    /// <param name="bytes">What the turn before it took in.</param>
    /// <param name="now">The time in Stopwatch's ticks.</param>
    public bool MayLook(int bytes, long now)
    {
        if (bytes > BulkBytes) Volatile.Write(ref _bulkUntil, now + BulkLasts);
        return now >= Volatile.Read(ref _bulkUntil);
    }
}
