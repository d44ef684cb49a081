using System.Globalization;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Startup;

/// <summary>Who has a UDP port of this network namespace: the name that a refusal to start owes the operator (FAULTS K18).</summary>
internal static class PortOwner
{
    /// <summary>The owner in words, or null where none is to be seen (another user's process, another PID namespace).</summary>
    public static string? Find(int port, RouteNetlink netlink)
    {
        if (netlink.Links().FirstOrDefault(link => link.VxlanPort == port) is { } vxlan)
            return $"the kernel vxlan device {vxlan.Name} (VNI {vxlan.VxlanId})";
        HashSet<string> sockets = [.. Sockets(port).Select(inode => $"socket:[{inode}]")];
        return sockets.Count == 0 ? null : Processes().FirstOrDefault(process => Holds(process, sockets)) is { } owner ? $"process {Path.GetFileName(owner)} ({Name(owner)})" : null;
    }

    // Lines of /proc/net/udp: "sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode ...", addresses and ports in hexadecimal.
    private static IEnumerable<string> Sockets(int port)
    {
        string suffix = $":{port.ToString("X4", CultureInfo.InvariantCulture)}";
        foreach (string file in (string[])["/proc/self/net/udp", "/proc/self/net/udp6"])
        {
            if (!File.Exists(file)) continue;
            foreach (string line in File.ReadLines(file).Skip(1))
            {
                string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length > 9 && fields[1].EndsWith(suffix, StringComparison.Ordinal)) yield return fields[9];
            }
        }
    }

    private static IEnumerable<string> Processes() => Directory.EnumerateDirectories("/proc").Where(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0]));

    // Processes come and go while they are looked at, and not all may be looked into.
    private static bool Holds(string process, HashSet<string> sockets)
    {
        try
        {
            return Directory.EnumerateFiles($"{process}/fd").Any(descriptor => new FileInfo(descriptor).LinkTarget is { } target && sockets.Contains(target));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string Name(string process)
    {
        try
        {
            return File.ReadAllText($"{process}/comm").TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "gone";
        }
    }
}
