using System.Net;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;
using Overlay.Testing.Packets;

namespace Overlay.Agent.Tests.Forwarding;

/// <summary>Leases of the nodes of <see cref="Nodes"/>: node n holds 10.5.n.0/24 at 192.168.0.n.</summary>
internal static class Leases
{
    /// <summary>What node n says of itself.</summary>
    public static LeaseAttributes Attributes(int node) => new()
    {
        PublicIP = IPAddress.Parse($"192.168.0.{node}"),
        BackendType = "vxlan",
        Vni = 1,
        VtepMac = Nodes.Mac(node).ToString(),
    };

    /// <summary>Node n's lease.</summary>
    public static Lease Of(int node) => With(node, Attributes(node));

    /// <summary>The lease of node n's subnet with other attributes.</summary>
    public static Lease With(int node, LeaseAttributes attributes) => new(SubnetKey.For(IPNetwork.Parse($"10.5.{node}.0/24")), attributes, 7, node, node);

    /// <summary>A lease of any subnet.</summary>
    public static Lease At(string subnet, LeaseAttributes attributes) => new(SubnetKey.For(IPNetwork.Parse(subnet)), attributes, 7, 1, 1);

    /// <summary>A table as node 1 sees it.</summary>
    public static LeaseTable Table(params IEnumerable<Lease> leases) => LeaseTable.Build(9, leases, IPAddress.Parse("192.168.0.1"));
}
