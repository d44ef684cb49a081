using System.Diagnostics;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Linux.Threads;

/// <summary>
/// A packet thread's wait for the next packet. To sleep costs a wake-up: some 10 µs on bare metal, 100 and more in a virtual machine,
/// whose core is handed back to the host meanwhile. So the thread may look for a while before it sleeps, where packets come one by one
/// (<see cref="SpinBudget"/>) and that has paid of late (<see cref="SpinPolicy"/>); between two looks its core is anybody's who wants it.
/// </summary>
/// <remarks>One thread waits at a time. Nothing is allocated.</remarks>
/// <param name="first">What the packets come from: packets of flows in bulk do from the one, all others from the other.</param>
/// <param name="second">See <paramref name="first"/>.</param>
/// <param name="signal">Ends the wait.</param>
internal sealed class PacketWait(FileDescriptor first, FileDescriptor second, ShutdownSignal signal)
{
    private ShutdownSignal _signal = signal;
    private SpinBudget _spin = SpinBudget.None;
    private SpinPolicy _policy;
    private int _taken;

    /// <summary>Whether the last wait ended because of the first device.</summary>
    public bool HasFirst { get; private set; }

    /// <summary>Whether it ended because of the second.</summary>
    public bool HasSecond { get; private set; }

    /// <summary>From now on another signal ends the wait, and another budget says how long it may look. Not while a thread waits.</summary>
    public void Rearm(ShutdownSignal signal, SpinBudget spin) => (_signal, _spin, _policy) = (signal, spin, default);

    /// <summary>Told by the thread that waits of what it has read since.</summary>
    public void Take(int bytes) => _taken += bytes;

    /// <summary>Waits until there is something to read, or <see cref="ShutdownSignal.LongestWait"/> is over.</summary>
    /// <returns>False when the signal ended the wait, or the kernel refuses to wait.</returns>
    public bool UntilReadable()
    {
        int taken = _taken;
        _taken = 0;
        long now = _spin.Longest > 0 ? Stopwatch.GetTimestamp() : 0;
        if (_spin.Longest > 0 && _spin.MayLook(taken, now) && _policy.IsWorthTrying())
        {
            bool waited = false;
            long end = now + _spin.Longest;
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
        int ready = Syscall.Poll(first, second, _signal.Descriptor, milliseconds, out bool hasFirst, out bool hasSecond, out bool stopping);
        (HasFirst, HasSecond) = (hasFirst, hasSecond);
        goOn = ready >= 0 && !stopping;
        return ready;
    }
}
