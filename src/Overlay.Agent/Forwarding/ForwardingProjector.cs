using System.Net;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Wire;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Forwarding;

/// <summary>
/// From what etcd says of the nodes to what packets are judged by: a pure function, and the only place that knows both a lease
/// and a remote.
/// </summary>
public static class ForwardingProjector
{
    private const string Vxlan = "vxlan";

    /// <summary>Projects.</summary>
    /// <param name="local">This node.</param>
    /// <param name="leases">All leases, ours included.</param>
    /// <param name="previousEndpoints">Outer addresses (host order) that peers had until a moment ago, by subnet.</param>
    public static Projection Project(LocalNode local, LeaseTable leases, IReadOnlyDictionary<IPNetwork, uint> previousEndpoints)
    {
        List<Remote> remotes = [];
        List<SkippedLease> skipped = [];
        foreach (Lease lease in leases.Leases.Values)
        {
            Prefix subnet = Prefix.From(lease.Subnet);
            if (IsOurs(lease, subnet, local)) continue;
            if (ReasonToSkip(lease, subnet, local, out MacAddress mac) is { } reason)
            {
                skipped.Add(new SkippedLease(lease, reason));
                continue;
            }
            previousEndpoints.TryGetValue(lease.Subnet, out uint previous);
            remotes.Add(new Remote(subnet, Prefix.AddressOf(lease.Attributes.PublicIP), mac, previous));
        }
        return new Projection(new ForwardingTable(local, remotes), skipped);
    }

    // By the MAC, too: while a changed address is on its way through etcd, the key has the former one.
    private static bool IsOurs(Lease lease, Prefix subnet, LocalNode local) =>
        subnet == local.Subnet
        && (Prefix.AddressOf(lease.Attributes.PublicIP) == local.Endpoint || MacAddress.TryParse(lease.Attributes.VtepMac, out MacAddress mac) && mac == local.Mac);

    private static string? ReasonToSkip(Lease lease, Prefix subnet, LocalNode local, out MacAddress mac)
    {
        LeaseAttributes node = lease.Attributes;
        mac = default;
        if (node.BackendType != Vxlan) return $"its backend is {node.BackendType ?? "none"}, only vxlan is reachable";
        if (node.Vni is { } vni && vni != local.Vni.Value) return $"its VNI is {vni}, ours is {local.Vni}; all nodes must agree";
        if (!MacAddress.TryParse(node.VtepMac, out mac) || !mac.IsUnicast) return "its VtepMAC is not a unicast MAC";
        if (mac == local.Mac) return "it has our VtepMAC: was this machine cloned with its state directory?";

        uint endpoint = Prefix.AddressOf(node.PublicIP);
        if (endpoint == local.Endpoint) return "it has our own PublicIP";
        if (endpoint >> 24 is 0 or 127 or >= 224) return $"{node.PublicIP} can be no node's address";
        if (local.Network.Contains(endpoint)) return $"its PublicIP {node.PublicIP} is inside of the overlay network, packets to it would go in circles";
        if (!local.Network.Contains(subnet.Address) || subnet.Length < local.Network.Length) return "its subnet is not inside of the overlay network";
        return local.Subnet.Contains(subnet.Address) || subnet.Contains(local.Subnet.Address) ? "its subnet overlaps with ours" : null;
    }
}
