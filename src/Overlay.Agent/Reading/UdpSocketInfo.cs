using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;

namespace Overlay.Agent.Reading;

/// <summary>A UDP socket that is bound to a port, the overlay's for one.</summary>
/// <param name="Address">Local address; 0.0.0.0 or :: for all.</param>
/// <param name="Holders">Ids and names of the processes that hold it; empty for the kernel's own, or where we may not look.</param>
internal sealed record UdpSocketInfo(IPAddress Address, IReadOnlyList<(int Id, string Name)> Holders)
{
    private const int AddressField = 1, InodeField = 9;   // "sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode ..."

    /// <summary>The sockets on a port in our network namespace. One of IPv6 takes the port from IPv4, too, unless it says otherwise.</summary>
    public static IReadOnlyList<UdpSocketInfo> OnPort(int port, HostFiles files, ProcessTable processes)
    {
        List<UdpSocketInfo> sockets = [];
        foreach (string line in (string[])[.. files.Lines("/proc/net/udp").Skip(1), .. files.Lines("/proc/net/udp6").Skip(1)])
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string[] local = fields.Length > InodeField ? fields[AddressField].Split(':') : [];
            if (local.Length != 2 || !int.TryParse(local[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int bound) || bound != port) continue;
            if (local[0].Length is not (8 or 32) || !local[0].All(char.IsAsciiHexDigit)) continue;
            _ = ulong.TryParse(fields[InodeField], CultureInfo.InvariantCulture, out ulong inode);
            sockets.Add(new UdpSocketInfo(Address(local[0]), inode == 0 ? [] : processes.Holders(inode)));
        }
        return sockets;

        // Words of 32 bits, each printed as a number of this machine.
        static IPAddress Address(string words)
        {
            byte[] octets = new byte[words.Length / 2];
            for (int i = 0; i < octets.Length; i += sizeof(uint))
                MemoryMarshal.Write(octets.AsSpan(i), uint.Parse(words.AsSpan(2 * i, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            return new IPAddress(octets);
        }
    }
}
