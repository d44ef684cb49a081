using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace Overlay.Subnet.Tests.Support;

/// <summary>Waits for a condition that other tasks bring about, with a limit that only a hang reaches.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static async Task TrueAsync(Func<bool> condition, string what, FakeTimeProvider? time = null, TimeSpan? step = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit)
                Assert.Fail($"never came true: {what}");
            await Task.Delay(2, TestContext.Current.CancellationToken);
            time?.Advance(step ?? TimeSpan.FromMilliseconds(50));
        }
    }

    /// <summary>Lets other tasks run until none of them is likely to be on its way; only for asserting that something did not happen.</summary>
    public static async Task QuietAsync()
    {
        for (int i = 0; i < 20; i++)
            await Task.Delay(1, TestContext.Current.CancellationToken);
    }
}
