using System.Net;

namespace Overlay.Netns.Tests.Network;

/// <summary>
/// What Docker makes of subnet.env: a bridge at FLANNEL_SUBNET with FLANNEL_MTU, and a container's namespace on it. One bridge a
/// host, any number of pods.
/// </summary>
/// <param name="Host">The node it runs on.</param>
/// <param name="Address">Its address in the node's subnet.</param>
/// <param name="Namespace">Its network.</param>
internal sealed record Pod(Host Host, IPAddress Address, NetworkNamespace Namespace)
{
    /// <summary>The name of the bridge.</summary>
    public const string Bridge = "docker0";

    /// <summary>Makes the bridge, once for each host.</summary>
    public static void CreateBridge(Host host, SubnetFile file) => host.Namespace.Ip(
        $"link add {Bridge} mtu {file.Mtu} type bridge stp_state 0",
        $"address add {file.Gateway}/{file.PrefixLength} dev {Bridge}",
        $"link set {Bridge} up");

    /// <summary>Makes a pod.</summary>
    /// <param name="underlay">Owns the namespace.</param>
    /// <param name="host">The node; has a bridge.</param>
    /// <param name="file">The node's subnet.env.</param>
    /// <param name="number">Last octet of its address, from 2 on.</param>
    /// <param name="mtu">MTU of its link; null for FLANNEL_MTU.</param>
    public static Pod Create(Underlay underlay, Host host, SubnetFile file, int number = 2, int? mtu = null)
    {
        string name = $"{host.Name}p{number}";
        NetworkNamespace space = underlay.CreateNamespace(name);
        IPAddress address = file.AddressOf(number);
        int linkMtu = mtu ?? file.Mtu;
        if (linkMtu > file.Mtu) host.Namespace.Ip($"link set {Bridge} mtu {linkMtu}");
        host.Namespace.Ip($"link add {name} mtu {linkMtu} type veth peer name eth0 mtu {linkMtu} netns {space.Name}", $"link set {name} master {Bridge} up");
        space.Ip($"address add {address}/{file.PrefixLength} dev eth0", "link set eth0 up", $"route add default via {file.Gateway}");
        return new Pod(host, address, space);
    }
}
