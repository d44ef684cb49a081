using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Overlay.Agent.Doctor.Reading;

namespace Overlay.Agent.Doctor.Node;

/// <summary>A UDP socket that is bound to the overlay's port.</summary>
/// <param name="Address">Local address; 0.0.0.0 for all.</param>
/// <param name="Holders">Ids and names of the processes that hold it; empty for the kernel's own, or where we may not look.</param>
internal sealed record UdpSocketInfo(IPAddress Address, IReadOnlyList<(int Id, string Name)> Holders)
{
    /// <summary>The sockets on a port.</summary>
    public static IReadOnlyList<UdpSocketInfo> OnPort(int port, HostFiles files, ProcessTable processes)
    {
        List<UdpSocketInfo> sockets = [];
        foreach (string line in files.Lines("/proc/net/udp").Skip(1))
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string[] local = fields.Length > 9 ? fields[1].Split(':') : [];
            if (local.Length != 2 || !int.TryParse(local[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int bound) || bound != port) continue;
            if (!uint.TryParse(local[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out uint address)) continue;
            _ = ulong.TryParse(fields[9], CultureInfo.InvariantCulture, out ulong inode);
            byte[] octets = new byte[4];
            if (BitConverter.IsLittleEndian) BinaryPrimitives.WriteUInt32LittleEndian(octets, address);
            else BinaryPrimitives.WriteUInt32BigEndian(octets, address);
            sockets.Add(new UdpSocketInfo(new IPAddress(octets), inode == 0 ? [] : processes.Holders(inode)));
        }
        return sockets;
    }
}
