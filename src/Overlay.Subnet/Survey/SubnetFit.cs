using System.Net;
using Overlay.Subnet.Model;

namespace Overlay.Subnet.Survey;

/// <summary>Says in words why a network config does not lease a subnet.</summary>
public static class SubnetFit
{
    /// <summary>Judges a subnet.</summary>
    /// <returns>Null when <see cref="NetworkConfig.Fits"/>; otherwise the first reason why not.</returns>
    public static string? Misfit(NetworkConfig config, IPNetwork subnet)
    {
        if (config.Fits(subnet))
            return null;
        if (!IPv4.IsIPv4(subnet) || subnet.PrefixLength < config.Network.PrefixLength || !config.Network.Contains(subnet.BaseAddress))
            return $"it is outside of Network {config.Network}";
        return subnet.PrefixLength != config.SubnetLength
            ? $"its length is not SubnetLen {config.SubnetLength}"
            : $"it is outside of SubnetMin {config.SubnetMin} to SubnetMax {config.SubnetMax}";
    }
}
