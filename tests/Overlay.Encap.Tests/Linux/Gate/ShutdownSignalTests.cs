using Overlay.Encap.Linux.Gate;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Tests.Linux.Gate;

public sealed class ShutdownSignalTests
{
    [Fact]
    public void Trigger_wakes_every_poller_and_stays_up()
    {
        using ShutdownSignal signal = new();
        using ShutdownSignal quiet = new();
        bool[] woken = new bool[3];
        Thread[] pollers = [.. woken.Select((_, i) => new Thread(() =>
        {
            Syscall.Poll(quiet.Descriptor, POLLIN, signal.Descriptor, -1, out short _, out woken[i]);
        }) { IsBackground = true })];
        foreach (Thread poller in pollers) poller.Start();

        signal.Trigger();

        foreach (Thread poller in pollers) Assert.True(poller.Join(TimeSpan.FromSeconds(30)));
        Assert.All(woken, Assert.True);
        Assert.Equal(1, Syscall.Poll(quiet.Descriptor, POLLIN, signal.Descriptor, 0, out _, out _));
    }

    [Fact]
    public void Trigger_from_many_threads_is_one_trigger()
    {
        using ShutdownSignal signal = new();
        Assert.False(signal.IsTriggered);
        Assert.Equal(-(int)Errno.EAGAIN, Syscall.Read(signal.Descriptor, new byte[8]));
        Parallel.For(0, 16, _ => signal.Trigger());
        Assert.True(signal.IsTriggered);
        byte[] counter = new byte[8];
        Assert.Equal(8, Syscall.Read(signal.Descriptor, counter));
        Assert.Equal(1UL, BitConverter.ToUInt64(counter));
    }
}
