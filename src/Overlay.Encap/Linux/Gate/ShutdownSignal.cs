using Overlay.Encap.Devices;

namespace Overlay.Encap.Linux.Gate;

/// <summary>
/// The kill switch that every packet loop polls beside its own descriptor: an eventfd that goes up once and is never read, so it stays
/// up for every poller, present and future. <see cref="Trigger"/> may be called from any thread, any number of times. Dispose it
/// only after all threads that poll it have ended.
/// </summary>
public sealed class ShutdownSignal : IStopSignal, IDisposable
{
    /// <summary>
    /// How long a packet loop waits at most, in milliseconds: one with nothing to do turns all the same, so that a watchdog can tell
    /// it from one that hangs.
    /// </summary>
    internal const int LongestWait = 2000;

    private int _triggered;

    /// <summary>Creates a signal that is down.</summary>
    /// <exception cref="LinuxException">No descriptor is to be had.</exception>
    public ShutdownSignal()
    {
        LinuxException.Check(Syscall.EventFd(out FileDescriptor? descriptor), "create the shutdown eventfd");
        Descriptor = descriptor!;
    }

    /// <inheritdoc/>
    public bool IsTriggered => Volatile.Read(ref _triggered) != 0;

    /// <summary>Readable for as long as the signal is up. Poll it, never read it.</summary>
    internal FileDescriptor Descriptor { get; }

    /// <summary>Puts the signal up and wakes all pollers.</summary>
    public void Trigger()
    {
        if (Interlocked.Exchange(ref _triggered, 1) != 0) return;
        // Native byte order; any number but zero makes the eventfd readable.
        LinuxException.Check(Syscall.Write(Descriptor, BitConverter.GetBytes(1UL)), "trigger the shutdown eventfd");
    }

    /// <summary>Closes the eventfd.</summary>
    public void Dispose() => Descriptor.Dispose();
}
