using System.Globalization;
using System.Net;
using System.Text;
using Overlay.Agent.Files;
using Overlay.Agent.Text;
using Overlay.Encap.Linux.Files;

namespace Overlay.Agent.Doctor.Node;

/// <summary>subnet.env as its readers find it.</summary>
/// <param name="Path">Where it is looked for.</param>
/// <param name="Problem">Why it cannot be used, in words; null when it can, or is not there.</param>
/// <param name="Network">FLANNEL_NETWORK, or null.</param>
/// <param name="Gateway">The address in FLANNEL_SUBNET, for Docker's bridge; or null.</param>
/// <param name="Subnet">FLANNEL_SUBNET as a network, or null.</param>
/// <param name="Mtu">FLANNEL_MTU in bytes, or null.</param>
/// <param name="Masquerade">FLANNEL_IPMASQ, or null.</param>
/// <param name="Written">When it was last written, or null where there is none.</param>
internal sealed record SubnetFileFacts(
    string Path, string? Problem, IPNetwork? Network, IPAddress? Gateway, IPNetwork? Subnet, int? Mtu, bool? Masquerade, DateTimeOffset? Written)
{
    private const int SizeLimit = 64 * 1024;

    /// <summary>What Docker is to be given as --bip, or null.</summary>
    public string? Bip => Gateway is null || Subnet is null ? null : $"{Gateway}/{Subnet.Value.PrefixLength}";

    /// <summary>Reads the file.</summary>
    public static SubnetFileFacts Read(string path, Reading.HostFiles files)
    {
        SubnetFileFacts none = new(path, null, null, null, null, null, null, files.Written(path));
        if (!HostFile.TryReadRegular(files.At(path), SizeLimit, out byte[]? content, out string? problem)) return none with { Problem = problem };

        Dictionary<string, string> variables = DotEnv.Parse(Encoding.UTF8.GetString(content));
        string subnet = variables.GetValueOrDefault("FLANNEL_SUBNET", "");
        bool hasSubnet = GoLiterals.TryNetwork(subnet, out IPNetwork parsed) & GoLiterals.TryAddress(subnet.Split('/')[0], out IPAddress gateway);
        bool hasNetwork = GoLiterals.TryNetwork(variables.GetValueOrDefault("FLANNEL_NETWORK", ""), out IPNetwork network);
        bool hasMtu = int.TryParse(variables.GetValueOrDefault("FLANNEL_MTU"), NumberStyles.None, CultureInfo.InvariantCulture, out int mtu);
        bool hasMasquerade = GoLiterals.TryBoolean(variables.GetValueOrDefault("FLANNEL_IPMASQ", ""), out bool masquerade);
        string[] missing =
        [
            .. new[] { (hasNetwork, "FLANNEL_NETWORK"), (hasSubnet, "FLANNEL_SUBNET"), (hasMtu, "FLANNEL_MTU"), (hasMasquerade, "FLANNEL_IPMASQ") }
                .Where(value => !value.Item1).Select(value => value.Item2),
        ];
        return none with
        {
            Problem = missing.Length == 0 ? null : $"it has no usable {string.Join(", ", missing)}",
            Network = hasNetwork ? network : null,
            Gateway = hasSubnet ? gateway : null,
            Subnet = hasSubnet ? parsed : null,
            Mtu = hasMtu ? mtu : null,
            Masquerade = hasMasquerade ? masquerade : null,
        };
    }
}
