namespace Overlay.Subnet.Following;

/// <summary>
/// A delay whose waiter goes on where the timer fires or the token is cancelled. After a cancelled <see cref="Task.Delay(TimeSpan)"/> it would go
/// on in the thread pool, at a moment that no simulation can repeat.
/// </summary>
internal static class Pause
{
    /// <summary>Waits for <paramref name="duration"/>, or with <see cref="Timeout.InfiniteTimeSpan"/> for the cancellation alone.</summary>
    public static async Task ForAsync(TimeSpan duration, TimeProvider time, CancellationToken cancellationToken)
    {
        var over = new TaskCompletionSource();
        using ITimer timer = time.CreateTimer(_ => over.TrySetResult(), null, duration, Timeout.InfiniteTimeSpan);
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(_ => over.TrySetCanceled(cancellationToken), null);
        await over.Task.ConfigureAwait(false);
    }
}
