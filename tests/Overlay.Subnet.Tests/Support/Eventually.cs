using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;

namespace Overlay.Subnet.Tests.Support;

/// <summary>Waits for a condition that other tasks bring about, with a limit that only a hang reaches.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static Task TrueAsync(Func<bool> condition, string what, FakeTimeProvider? time = null, TimeSpan? step = null) =>
        TrueAsync(() => Task.FromResult(condition()), what, time, step);

    public static async Task TrueAsync(Func<Task<bool>> condition, string what, FakeTimeProvider? time = null, TimeSpan? step = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit)
                Assert.Fail($"never came true: {what}");
            await Task.Delay(2, TestContext.Current.CancellationToken);
            time?.Advance(step ?? TimeSpan.FromMilliseconds(50));
        }
    }
}
