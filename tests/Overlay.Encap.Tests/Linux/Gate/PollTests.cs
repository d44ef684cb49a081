using System.Runtime.InteropServices;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Tests.Oracles;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Tests.Linux.Gate;

public sealed class PollTests
{
    [Fact]
    public void Poll_reports_which_of_two_descriptors_is_ready()
    {
        using ShutdownSignal device = new();
        using ShutdownSignal signal = new();
        Assert.Equal(0, Syscall.Poll(device.Descriptor, POLLIN, signal.Descriptor, 0, out short deviceReady, out bool signalReady));
        Assert.Equal((0, false), (deviceReady, signalReady));

        device.Trigger();
        Assert.Equal(1, Syscall.Poll(device.Descriptor, POLLIN, signal.Descriptor, -1, out deviceReady, out signalReady));
        Assert.Equal(((int)(short)POLLIN, false), (deviceReady, signalReady));

        signal.Trigger();
        Assert.Equal(2, Syscall.Poll(device.Descriptor, POLLIN, signal.Descriptor, -1, out _, out signalReady));
        Assert.True(signalReady);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(600_000)]
    public void K7_poll_goes_on_after_EINTR(int timeoutMilliseconds)
    {
        using ShutdownSignal device = new();
        using ShutdownSignal signal = new();
        int delivered = 0;
        using PosixSignalRegistration handler = PosixSignalRegistration.Create((PosixSignal)SignalNumber, _ => Interlocked.Increment(ref delivered));
        int threadId = 0;
        int result = int.MinValue;
        Thread waiter = new(() =>
        {
            Volatile.Write(ref threadId, (int)syscall(SystemCall(x64: 186, arm64: 178)));
            result = Syscall.Poll(device.Descriptor, POLLIN, signal.Descriptor, timeoutMilliseconds, out _, out _);
        })
        { IsBackground = true };
        waiter.Start();

        // Each delivery interrupts whatever the thread does; only once it sleeps in poll is it EINTR, and 50 in a row cannot all come before.
        SpinWait.SpinUntil(() => Volatile.Read(ref threadId) != 0);
        SpinWait.SpinUntil(() => File.ReadAllText($"/proc/self/task/{threadId}/wchan").Contains("poll", StringComparison.Ordinal), 1000);
        for (int i = 1; i <= 50; i++)
        {
            int before = Volatile.Read(ref delivered);
            int sent = (int)syscall(SystemCall(x64: 234, arm64: 131), Environment.ProcessId, threadId, SignalNumber);
            Assert.True(sent == 0, $"the waiter is gone, its poll returned {result}");
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref delivered) > before, TimeSpan.FromSeconds(30)));
        }
        Assert.True(waiter.IsAlive, $"an interrupted poll ended with {result}");

        signal.Trigger();
        Assert.True(waiter.Join(TimeSpan.FromSeconds(30)));
        Assert.Equal(1, result);
    }

    [Fact]
    public void An_error_is_a_negative_errno_and_not_an_exception()
    {
        Assert.Equal(Errno.ENOENT, Syscall.ErrorOf(Syscall.Open("/nonexistent/file\0"u8, O_RDONLY, out FileDescriptor? none)));
        Assert.Null(none);
        using ShutdownSignal signal = new();
        Assert.Equal(-(int)Errno.EAGAIN, Syscall.Read(signal.Descriptor, stackalloc byte[8]));
        Assert.Equal(-(int)Errno.ENOTSOCK, Syscall.Send(signal.Descriptor, "x"u8, 0));
    }

    [Fact]
    public void Poll_read_and_write_allocate_nothing()
    {
        using ShutdownSignal device = new();
        using ShutdownSignal signal = new();
        Allocation.AssertNone(() => Exercise(device, signal), warmup: 100, times: 1000);
    }

    private static void Exercise(ShutdownSignal device, ShutdownSignal signal)
    {
        Syscall.Write(device.Descriptor, [1, 0, 0, 0, 0, 0, 0, 0]);
        Syscall.Poll(device.Descriptor, POLLIN, signal.Descriptor, 0, out _, out _);
        Syscall.Read(device.Descriptor, stackalloc byte[8]);
        Syscall.Read(device.Descriptor, stackalloc byte[8]);
    }

    // SIGWINCH: the runtime installs a handler for it and by default it does nothing.
    private const int SignalNumber = 28;

    // Tmds.LibC has no SYS_* numbers.
    private static int SystemCall(int x64, int arm64) => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => x64,
        Architecture.Arm64 => arm64,
        _ => throw new PlatformNotSupportedException(),
    };
}
