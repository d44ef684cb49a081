using System.Globalization;
using System.Net;

namespace Overlay.Netns.Tests.Network;

/// <summary>subnet.env as its readers take it.</summary>
/// <param name="Network">FLANNEL_NETWORK.</param>
/// <param name="Gateway">The address in FLANNEL_SUBNET: first of the subnet's hosts.</param>
/// <param name="PrefixLength">The length in FLANNEL_SUBNET.</param>
/// <param name="Mtu">FLANNEL_MTU, bytes.</param>
internal sealed record SubnetFile(IPNetwork Network, IPAddress Gateway, int PrefixLength, int Mtu)
{
    /// <summary>The leased subnet.</summary>
    public IPNetwork Subnet => new(AddressOf(0), PrefixLength);

    /// <summary>Reads the file.</summary>
    public static SubnetFile Read(string path)
    {
        Dictionary<string, string> values = File.ReadAllLines(path).Select(line => line.Split('=', 2)).ToDictionary(parts => parts[0], parts => parts[1]);
        string[] subnet = values["FLANNEL_SUBNET"].Split('/');
        return new SubnetFile(
            IPNetwork.Parse(values["FLANNEL_NETWORK"]), IPAddress.Parse(subnet[0]),
            int.Parse(subnet[1], CultureInfo.InvariantCulture), int.Parse(values["FLANNEL_MTU"], CultureInfo.InvariantCulture));
    }

    /// <summary>An address of the subnet, by its last octet.</summary>
    public IPAddress AddressOf(int number)
    {
        byte[] octets = Gateway.GetAddressBytes();
        octets[3] = (byte)number;
        return new IPAddress(octets);
    }
}
