namespace Overlay.Bench.Reporting;

/// <summary>What one operation of a benchmark does.</summary>
/// <param name="packets">Packets on the wire; 0 where rates make no sense.</param>
/// <param name="bytes">Bytes; negative where the parameter "Size" says it.</param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class WorkAttribute(int packets, int bytes = 0) : Attribute
{
    /// <summary>Packets of one operation.</summary>
    public int Packets { get; } = packets;

    /// <summary>Bytes of one operation.</summary>
    public int Bytes { get; } = bytes;
}
