using System.Globalization;
using System.Net;
using Overlay.Agent.Files;
using Overlay.Agent.Text;

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
    /// <summary>What Docker is to be given as --bip, or null.</summary>
    public string? Bip => Gateway is null || Subnet is null ? null : $"{Gateway}/{Subnet.Value.PrefixLength}";

    /// <summary>All of it, or null where something is missing.</summary>
    public SubnetEnv? Env => Network is { } network && Subnet is { } subnet && Mtu is { } mtu && Masquerade is { } masquerade ? new SubnetEnv(network, subnet, mtu, masquerade) : null;

    /// <summary>Reads the file.</summary>
    public static SubnetFileFacts Read(string path, Reading.HostFiles files)
    {
        SubnetFileFacts none = new(path, null, null, null, null, null, null, files.Written(path));
        if (SubnetEnvFile.ReadVariables(files.At(path), out string? problem) is not { } variables) return none with { Problem = problem };

        SubnetFileFacts facts = none with
        {
            Network = SubnetEnvFile.Network(variables, "FLANNEL_NETWORK", out _),
            Subnet = SubnetEnvFile.Network(variables, "FLANNEL_SUBNET", out _),
            Gateway = GoLiterals.TryAddress(variables.GetValueOrDefault("FLANNEL_SUBNET", "").Split('/')[0], out IPAddress gateway) ? gateway : null,
            Mtu = int.TryParse(variables.GetValueOrDefault("FLANNEL_MTU"), NumberStyles.None, CultureInfo.InvariantCulture, out int mtu) ? mtu : null,
            Masquerade = GoLiterals.TryBoolean(variables.GetValueOrDefault("FLANNEL_IPMASQ", ""), out bool masquerade) ? masquerade : null,
        };
        string[] missing =
        [
            .. new[] { (facts.Network is null, "FLANNEL_NETWORK"), (facts.Subnet is null, "FLANNEL_SUBNET"), (facts.Mtu is null, "FLANNEL_MTU"), (facts.Masquerade is null, "FLANNEL_IPMASQ") }
                .Where(value => value.Item1).Select(value => value.Item2),
        ];
        return missing.Length == 0 ? facts : facts with { Problem = $"it has no usable {string.Join(", ", missing)}" };
    }
}
