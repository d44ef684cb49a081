using Overlay.Encap.Flow;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Agent.Tunnel;

/// <summary>The packet loops ended by themselves: the device was deleted, or one of them failed. The process ends with it and is started anew.</summary>
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
