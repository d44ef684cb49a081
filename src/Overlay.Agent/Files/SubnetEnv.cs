using System.Globalization;
using System.Net;
using System.Text;

namespace Overlay.Agent.Files;

/// <summary>What subnet.env tells Docker and every other reader (flannel pkg/subnet/subnet.go, WriteSubnetFile). IPv4 only.</summary>
/// <param name="Network">The whole overlay network.</param>
/// <param name="Subnet">This node's lease, as a network. The file names its first host address, which becomes the bridge's.</param>
/// <param name="Mtu">Largest packet for containers in bytes: underlay MTU minus the encapsulation overhead.</param>
/// <param name="Masquerade">Whether this agent masquerades, so that Docker does not.</param>
public sealed record SubnetEnv(IPNetwork Network, IPNetwork Subnet, int Mtu, bool Masquerade)
{
    /// <summary>The file's exact bytes: four lines in flannel's order, each ended by a line feed.</summary>
    public byte[] ToBytes() => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"""
        FLANNEL_NETWORK={Network}
        FLANNEL_SUBNET={BridgeAddress}
        FLANNEL_MTU={Mtu}
        FLANNEL_IPMASQ={(Masquerade ? "true" : "false")}

        """));

    /// <summary>The first host address with the subnet's length, as in 10.1.15.1/24: what Docker's bridge is to have (<c>--bip</c>).</summary>
    public string BridgeAddress => string.Create(CultureInfo.InvariantCulture, $"{FirstHost()}/{Subnet.PrefixLength}");

    private IPAddress FirstHost()
    {
        byte[] octets = Subnet.BaseAddress.GetAddressBytes();
        octets[3]++;
        return new IPAddress(octets);
    }
}
