using Overlay.Encap.Flow;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Agent.Tunnel;

/// <summary>A packet loop failed by a defect of this program, not for want of a device. The process ends with it and is started anew.</summary>
internal sealed class DeviceLostException : Exception
{
    /// <summary>Says which loop it was and why.</summary>
    public DeviceLostException(DataPlaneFault fault)
        : base(
            fault.Exception is null ? $"packet thread {fault.Thread} lost its device ({(Errno)fault.Errno}): was it deleted?" : $"packet thread {fault.Thread} failed: {fault.Exception}",
            fault.Exception)
    {
    }
}
