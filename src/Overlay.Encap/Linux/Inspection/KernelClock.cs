using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Linux.Inspection;

/// <summary>What the kernel thinks of its own wall clock (adjtimex(2)). Needs no privilege, changes nothing.</summary>
/// <param name="IsSynchronized">Some program keeps the clock in step with others' and has told the kernel so.</param>
/// <param name="MaxError">How far off the kernel believes the clock can be.</param>
public sealed record KernelClock(bool IsSynchronized, TimeSpan MaxError)
{
    /// <summary>Asks.</summary>
    /// <exception cref="LinuxException">The kernel does not say (a sandbox that forbids the call).</exception>
    public static KernelClock Read()
    {
        timex state = default;
        LinuxException.Check(Syscall.AdjustClock(ref state), "read the state of the clock (adjtimex)", "a sandbox may forbid the call");
        return new KernelClock((state.status & InspectionAbi.STA_UNSYNC) == 0, TimeSpan.FromMicroseconds(state.maxerror));
    }
}
