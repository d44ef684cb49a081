using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Linux.Threads;

/// <summary>How a packet thread asks the scheduler to treat it.</summary>
public static class PacketThread
{
    /// <summary>
    /// Puts the calling thread into SCHED_BATCH: woken for a packet, it does not pre-empt whoever is making more of them, so
    /// batches grow. A kernel that refuses costs speed only.
    /// </summary>
    public static void Prepare() => Syscall.ScheduleThreadAsBatch();
}
