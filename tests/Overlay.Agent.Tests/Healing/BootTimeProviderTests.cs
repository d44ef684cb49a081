using Overlay.Agent.Healing;

namespace Overlay.Agent.Tests.Healing;

public sealed class BootTimeProviderTests
{
    // The kernel's timers stood still for two hours; the clock did not.
    [Fact]
    public async Task K14_a_wait_ends_soon_after_a_sleep_that_was_longer()
    {
        long asleep = 0;
        BootTimeProvider clock = new(() => Environment.TickCount64 * 1_000_000 + Volatile.Read(ref asleep));
        Task wait = Task.Delay(TimeSpan.FromHours(1), clock, TestContext.Current.CancellationToken);
        long began = clock.GetTimestamp();

        Volatile.Write(ref asleep, (long)TimeSpan.FromHours(2).TotalNanoseconds);

        await wait.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.True(clock.GetElapsedTime(began) >= TimeSpan.FromHours(2));
    }

    [Fact]
    public async Task A_wait_of_the_machine_is_no_shorter_than_asked()
    {
        long began = BootTimeProvider.Machine.GetTimestamp();

        await Task.Delay(TimeSpan.FromMilliseconds(1200), BootTimeProvider.Machine, TestContext.Current.CancellationToken);

        Assert.True(BootTimeProvider.Machine.GetElapsedTime(began) >= TimeSpan.FromMilliseconds(1200));
    }

    [Fact]
    public async Task A_timer_repeats_until_it_is_stopped()
    {
        using SemaphoreSlim fired = new(0);
        await using ITimer timer = BootTimeProvider.Machine.CreateTimer(_ => fired.Release(), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(5));

        for (int i = 0; i < 3; i++) Assert.True(await fired.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.True(timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan));
        await timer.DisposeAsync();
        Assert.False(timer.Change(TimeSpan.Zero, TimeSpan.Zero));
    }
}
