using System.Diagnostics;
using System.Globalization;

namespace Overlay.Encap.Tests.Volume;

/// <summary>
/// How much the tests of this room do: ten million inputs, spread over the processors, or as many as <c>OVERLAY_INPUTS</c> says. Without
/// that, no test takes more than twenty seconds of a slow machine, and it says how far it came.
/// </summary>
internal static class Volume
{
    /// <summary>Inputs of one seed.</summary>
    public const int Chunk = 20_000;

    private const long InTests = 10_000_000;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(20);

    /// <summary>Calls <paramref name="chunk"/> with seeds 1, 2, 3... until there are enough inputs.</summary>
    public static void Run(Action<int> chunk)
    {
        string? asked = Environment.GetEnvironmentVariable("OVERLAY_INPUTS");
        long inputs = asked is null ? InTests : long.Parse(asked, NumberStyles.None, CultureInfo.InvariantCulture);
        long start = Stopwatch.GetTimestamp();
        int done = 0;
        Parallel.For(1, (int)(inputs / Chunk) + 1, (seed, loop) =>
        {
            if (asked is null && Stopwatch.GetElapsedTime(start) > MostTime)
            {
                loop.Break();
                return;
            }
            chunk(seed);
            Interlocked.Increment(ref done);
        });
        TestContext.Current.TestOutputHelper?.WriteLine($"{(long)done * Chunk:N0} inputs in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
        Assert.True(done >= 10, $"only {done} chunks of {Chunk} inputs were done in time");
    }
}
