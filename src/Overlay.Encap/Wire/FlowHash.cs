using System.Numerics;
using System.Runtime.InteropServices;

namespace Overlay.Encap.Wire;

/// <summary>
/// The hash of an inner flow that chooses the outer source port (RFC 7348 section 5): addresses, protocol and, where
/// each packet of the flow shows them, ports. All fragments of a packet hash alike.
/// </summary>
public static class FlowHash
{
    /// <summary>The hash of the flow a packet belongs to; equal within a flow and direction, well spread in its high bits.</summary>
    /// <param name="packet">An IPv4 packet whose header length has been checked.</param>
    public static uint Of(ReadOnlySpan<byte> packet)
    {
        IPv4View ip = new(packet);
        uint hash = ip.Source ^ BitOperations.RotateLeft(ip.Destination, 7) ^ ip.Protocol;
        int ports = ip.HeaderLength;
        if (ip.Protocol is IPv4View.Tcp or IPv4View.Udp && !ip.IsFragment && packet.Length >= ports + 4)
        {
            hash = (hash ^ MemoryMarshal.Read<uint>(packet[ports..])) * 0x85EB_CA6B;
            hash ^= hash >> 13;
        }
        return hash * 0x9E37_79B1;
    }

    /// <summary>The same of both directions of a flow.</summary>
    /// <param name="packet">An IPv4 packet of at least 20 bytes.</param>
    public static uint OfBothWays(ReadOnlySpan<byte> packet)
    {
        IPv4View ip = new(packet);
        uint hash = (ip.Source ^ ip.Destination) * 0x85EB_CA6B ^ ip.Protocol;
        int ports = ip.HeaderLength;
        if (ip.Protocol is IPv4View.Tcp or IPv4View.Udp && !ip.IsFragment && packet.Length >= ports + 4)
            hash ^= (uint)(MemoryMarshal.Read<ushort>(packet[ports..]) ^ MemoryMarshal.Read<ushort>(packet[(ports + 2)..])) << 8;
        return hash * 0x9E37_79B1;
    }
}
