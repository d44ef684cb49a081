namespace Overlay.Encap.Devices;

/// <summary>What a call on a device gave: a count, or a failure as a value. No exception ever crosses the packet path.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Count">Bytes, datagrams or trains, as the call says; 0 on failure.</param>
/// <param name="Errno">The error number on failure, for a log; else 0.</param>
public readonly record struct IoResult(IoStatus Status, int Count, int Errno)
{
    /// <summary>A success.</summary>
    public static IoResult Done(int count) => new(IoStatus.Ok, count, 0);
}
