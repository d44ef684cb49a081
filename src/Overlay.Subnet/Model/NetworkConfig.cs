using System.Net;
using Overlay.Subnet.Json;

namespace Overlay.Subnet.Model;

/// <summary>
/// flannel's network config (<c>&lt;prefix&gt;/config</c>), parsed and checked: an instance from <see cref="Parse"/> obeys every rule of
/// flannel's <c>pkg/subnet/config.go</c> and is IPv4 only. Immutable; two configs that mean the same are equal.
/// </summary>
public sealed record NetworkConfig
{
    /// <summary>The whole overlay network, host bits cleared.</summary>
    public required IPNetwork Network { get; init; }

    /// <summary>The prefix length of each node's subnet, at least two longer than the network's and at most 30.</summary>
    public required int SubnetLength { get; init; }

    /// <summary>The first subnet that may be leased (its base address).</summary>
    public required IPAddress SubnetMin { get; init; }

    /// <summary>The last subnet that may be leased (its base address), never below <see cref="SubnetMin"/>.</summary>
    public required IPAddress SubnetMax { get; init; }

    /// <summary>Firewall rules are written for nftables, not iptables; false when not given.</summary>
    public bool EnableNFTables { get; init; }

    /// <summary>The backend and its settings.</summary>
    public BackendConfig Backend { get; init; } = new();

    /// <summary>Parses the JSON text that stands in etcd, by the rules of Go's decoder (keys in any case, unknown ones ignored, last one wins).</summary>
    /// <exception cref="NetworkConfigException">The text is not a usable config; the message names key and reason.</exception>
    public static NetworkConfig Parse(ReadOnlySpan<byte> utf8) => NetworkConfigJson.Parse(utf8);

    /// <summary>Parses what stands in etcd, as <see cref="Parse"/> does.</summary>
    /// <param name="utf8">The text.</param>
    /// <param name="problem">Why it is not usable, in words for an operator; null when it is.</param>
    public static NetworkConfig? TryParse(ReadOnlySpan<byte> utf8, out string? problem)
    {
        try
        {
            problem = null;
            return Parse(utf8);
        }
        catch (NetworkConfigException e)
        {
            problem = $"the network config in etcd is not usable: {e.Message}";
            return null;
        }
    }

    /// <summary>A text from which <see cref="Parse"/> makes an equal config, every value spelled out, UTF-8.</summary>
    public byte[] ToJson() => NetworkConfigJson.Write(this);

    /// <summary>
    /// Each key in which two configs differ, by its name in the JSON text, and its values, null for one that is not given; where there was no
    /// config before, every key that has to be given or has a default of its own.
    /// </summary>
    public static IEnumerable<(string Key, object? Was, object? Now)> Changes(NetworkConfig? was, NetworkConfig now)
    {
        (string Key, object? Was, object? Now)[] keys =
        [
            (nameof(Network), was?.Network, now.Network), ("SubnetLen", was?.SubnetLength, now.SubnetLength),
            (nameof(SubnetMin), was?.SubnetMin, now.SubnetMin), (nameof(SubnetMax), was?.SubnetMax, now.SubnetMax),
            ("Backend.Type", was?.Backend.Type, now.Backend.Type), ("Backend.VNI", was?.Backend.Vni, now.Backend.Vni),
            ("Backend.Port", was?.Backend.Port, now.Backend.Port), ("Backend.MTU", Given(was?.Backend.Mtu), Given(now.Backend.Mtu)),
            (nameof(EnableNFTables), was?.EnableNFTables ?? false, now.EnableNFTables),
        ];
        return keys.Where(key => !Equals(key.Was, key.Now));

        static object? Given(int? number) => number is null or 0 ? null : number;
    }

    /// <summary>Tells whether <paramref name="subnet"/> is one that this config leases: right length, within the limits.</summary>
    public bool Fits(IPNetwork subnet) =>
        IPv4.IsIPv4(subnet) && subnet.PrefixLength == SubnetLength
        && IPv4.First(subnet) >= IPv4.ToUInt32(SubnetMin) && IPv4.First(subnet) <= IPv4.ToUInt32(SubnetMax);
}
