using System.Text.RegularExpressions;
using Overlay.Netns.Tests.Network;

namespace Overlay.Netns.Tests.Nodes;

/// <summary>
/// A flannel node without flanneld: the kernel's VXLAN device, routes, neighbours, forwarding entries and the lease in etcd exactly as
/// flanneld makes them (flannel pkg/backend/vxlan, CONTRACT 5.1). Learns of peers when it is told to look.
/// </summary>
internal sealed partial class KernelNode : IOverlayNode
{
    private const string Device = "flannel.1";

    private readonly EtcdNode _etcd;
    private readonly string _leaseName;

    /// <summary>Attaches the host, makes its device and writes its lease.</summary>
    /// <param name="underlay">The switch.</param>
    /// <param name="etcd">Runs.</param>
    /// <param name="name">The host's name.</param>
    /// <param name="number">Last octet of its address, and third of its subnet.</param>
    public KernelNode(Underlay underlay, EtcdNode etcd, string name, int number)
    {
        _etcd = etcd;
        Host = underlay.Attach(name, number);
        VtepMac = $"02:42:c0:a8:40:{number:x2}";
        File = new SubnetFile(System.Net.IPNetwork.Parse("10.1.0.0/16"), System.Net.IPAddress.Parse($"10.1.{number}.1"), 24, Underlay.Mtu - 50);
        _leaseName = $"10.1.{number}.0-24";
        Host.Namespace.Ip(
            $"link add {Device} address {VtepMac} mtu {File.Mtu} type vxlan id 1 dev eth0 local {Host.Address} dstport 8472 nolearning",
            $"address add 10.1.{number}.0/32 dev {Device}",
            $"link set {Device} up");
        string etcdLease = etcd.Ctl("lease", "grant", "86400").Split(' ')[1];
        etcd.PutLease(_leaseName,
            $$$"""{"PublicIP":"{{{Host.Address}}}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"{{{VtepMac}}}"}}""", etcdLease);
    }

    /// <inheritdoc/>
    public Host Host { get; }

    /// <inheritdoc/>
    public SubnetFile File { get; }

    /// <inheritdoc/>
    public string VtepMac { get; }

    /// <summary>The name of its key below <c>subnets/</c>.</summary>
    public string LeaseName => _leaseName;

    /// <summary>Programs the kernel for every other lease that stands in etcd now.</summary>
    public void LearnPeers()
    {
        foreach ((string name, string value) in _etcd.Leases())
        {
            if (name == _leaseName) continue;
            string subnet = name.Split('-')[0], mac = AgentNode.VtepMacOf(value), address = PublicIp().Match(value).Groups[1].Value;
            Host.Namespace.Ip(
                $"neigh replace {subnet} lladdr {mac} dev {Device} nud permanent",
                $"route replace {name.Replace('-', '/')} via {subnet} dev {Device} onlink");
            Host.Namespace.Must("bridge", "fdb", "replace", mac, "dev", Device, "dst", address, "self", "permanent");
        }
    }

    [GeneratedRegex("\"PublicIP\":\"([0-9.]+)\"")]
    private static partial Regex PublicIp();
}
