using System.Diagnostics;

namespace Overlay.Netns.Tests.Support;

/// <summary>Waits for what other processes bring about, with a limit that only a hang reaches.</summary>
internal static class Eventually
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(20);

    /// <summary>Waits until the condition holds.</summary>
    /// <param name="condition">Looked at again and again.</param>
    /// <param name="what">For the failure.</param>
    /// <param name="context">More for the failure, such as a log; asked for only then.</param>
    public static Task TrueAsync(Func<bool> condition, string what, Func<string>? context = null) =>
        TrueAsync(() => Task.FromResult(condition()), what, context);

    /// <inheritdoc cref="TrueAsync(Func{bool}, string, Func{string})"/>
    public static async Task TrueAsync(Func<Task<bool>> condition, string what, Func<string>? context = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit) Assert.Fail($"never came true: {what}\n{context?.Invoke()}");
            await Task.Delay(LookEvery, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>A token for one step of a test, so that a step that hangs ends the test and not the run.</summary>
    public static CancellationTokenSource Deadline()
    {
        CancellationTokenSource source = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        source.CancelAfter(Limit);
        return source;
    }
}
