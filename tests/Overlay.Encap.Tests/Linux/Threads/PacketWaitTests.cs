using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Threads;

namespace Overlay.Encap.Tests.Linux.Threads;

/// <summary>The wait for a packet, with and without looking before sleeping; eventfds stand for the devices.</summary>
public sealed class PacketWaitTests : IDisposable
{
    private readonly ShutdownSignal _signal = new();
    private readonly ShutdownSignal _first = new();
    private readonly ShutdownSignal _second = new();

    public void Dispose()
    {
        _signal.Dispose();
        _first.Dispose();
        _second.Dispose();
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(0, false)]
    [InlineData(200, true)]
    [InlineData(60_000_000, true)]
    [InlineData(60_000_000, false)]
    public async Task A_packet_of_either_device_ends_the_wait(int spin, bool first)
    {
        Task<bool> ended = Start(spin, out PacketWait wait);

        (first ? _first : _second).Trigger();

        Assert.True(await ended.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Equal((first, !first), (wait.HasFirst, wait.HasSecond));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(200)]
    [InlineData(60_000_000)]   // looked for a minute, were the signal not looked at, too
    public async Task The_signal_ends_the_wait(int spin)
    {
        Task<bool> wait = Start(spin, out _);

        _signal.Trigger();

        Assert.False(await wait.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    private Task<bool> Start(int spin, out PacketWait wait)
    {
        wait = new PacketWait(_first.Descriptor, _second.Descriptor, _signal);
        wait.Rearm(_signal, new SpinBudget(TimeSpan.FromMicroseconds(spin)));
        return Task.Factory.StartNew(wait.UntilReadable, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }
}
