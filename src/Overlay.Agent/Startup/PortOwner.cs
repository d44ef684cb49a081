using Overlay.Agent.Reading;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Startup;

/// <summary>Who has a UDP port of this network namespace: the name that a refusal to start owes the operator (FAULTS K18).</summary>
internal static class PortOwner
{
    /// <summary>
    /// The owner in words, or null where none is to be seen. A process under another user's name is not, nor one with more privileges than we
    /// have: in the sandbox of the unit that leaves the agents.
    /// </summary>
    public static string? Find(int port, RouteNetlink netlink)
    {
        if (netlink.Links().FirstOrDefault(link => link.VxlanPort == port) is { } vxlan)
            return $"the kernel vxlan device {vxlan.Name} (VNI {vxlan.VxlanId})";
        HostFiles files = new();
        (int Id, string Name)[] holders = [.. UdpSocketInfo.OnPort(port, files, new ProcessTable(files)).SelectMany(socket => socket.Holders)];
        return holders.Length > 0 ? $"process {holders[0].Id} ({holders[0].Name})" : null;
    }
}
