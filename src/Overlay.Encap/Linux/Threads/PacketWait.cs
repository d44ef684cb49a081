using System.Diagnostics;
using Overlay.Encap.Linux.Gate;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux.Threads;

/// <summary>
/// A packet thread's wait for the next packet. To sleep costs a wake-up: some 10 µs on bare metal, 100 and more in a virtual machine,
/// whose core is handed back to the host meanwhile. So the thread may look for a while before it sleeps, where that has paid of late
/// (<see cref="SpinPolicy"/>); between two looks its core is anybody's who wants it.
/// </summary>
/// <remarks>One thread waits at a time. Nothing is allocated.</remarks>
/// <param name="device">What the packets come from.</param>
/// <param name="signal">Ends the wait.</param>
internal sealed class PacketWait(FileDescriptor device, ShutdownSignal signal)
{
    private ShutdownSignal _signal = signal;
    private SpinPolicy _policy;
    private long _spin;   // of Stopwatch's ticks

    /// <summary>From now on another signal ends the wait, and looking lasts this long; zero for not at all. Not while a thread waits.</summary>
    public void Rearm(ShutdownSignal signal, TimeSpan spin)
    {
        _signal = signal;
        _spin = (long)(spin.TotalSeconds * Stopwatch.Frequency);
        _policy = default;
    }

    /// <summary>Waits until there is something to read, or <see cref="ShutdownSignal.LongestWait"/> is over.</summary>
    /// <returns>False when the signal ended the wait, or the kernel refuses to wait.</returns>
    public bool UntilReadable()
    {
        if (_spin > 0 && _policy.IsWorthTrying())
        {
            bool waited = false;
            long end = Stopwatch.GetTimestamp() + _spin;
            do
            {
                if (Look(0, out bool goOn) != 0)
                {
                    if (waited) _policy.Report(paid: true);
                    return goOn;
                }
                waited = true;
                Syscall.YieldProcessor();
            }
            while (Stopwatch.GetTimestamp() < end);
            _policy.Report(paid: false);
        }
        return Look(ShutdownSignal.LongestWait, out bool stays) >= 0 && stays;
    }

    private int Look(int milliseconds, out bool goOn)
    {
        int ready = Syscall.Poll(device, POLLIN, _signal.Descriptor, milliseconds, out _, out bool stopping);
        goOn = ready >= 0 && !stopping;
        return ready;
    }
}
