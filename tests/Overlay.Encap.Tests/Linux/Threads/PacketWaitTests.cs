using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Threads;

namespace Overlay.Encap.Tests.Linux.Threads;

/// <summary>The wait for a packet, with and without looking before sleeping; an eventfd stands for the device.</summary>
public sealed class PacketWaitTests : IDisposable
{
    private readonly ShutdownSignal _signal = new();
    private readonly ShutdownSignal _device = new();

    public void Dispose()
    {
        _signal.Dispose();
        _device.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(200)]
    [InlineData(60_000_000)]
    public async Task A_packet_ends_the_wait(int spin)
    {
        Task<bool> wait = Start(spin);

        _device.Trigger();

        Assert.True(await wait.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(200)]
    [InlineData(60_000_000)]   // looked for a minute, were the signal not looked at, too
    public async Task The_signal_ends_the_wait(int spin)
    {
        Task<bool> wait = Start(spin);

        _signal.Trigger();

        Assert.False(await wait.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    private Task<bool> Start(int spin)
    {
        PacketWait wait = new(_device.Descriptor, _signal);
        wait.Rearm(_signal, new SpinBudget(TimeSpan.FromMicroseconds(spin)));
        return Task.Factory.StartNew(wait.UntilReadable, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }
}
