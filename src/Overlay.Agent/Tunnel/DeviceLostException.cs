using Overlay.Encap.Flow;

namespace Overlay.Agent.Tunnel;

/// <summary>A packet loop failed by a defect of this program, not for want of a device. The process ends with it and is started anew.</summary>
internal sealed class DeviceLostException : Exception
{
    /// <summary>Says which loop it was and why.</summary>
    public DeviceLostException(DataPlaneFault fault)
        : base($"packet thread {fault.Thread} failed: {fault.Exception}", fault.Exception)
    {
    }
}
