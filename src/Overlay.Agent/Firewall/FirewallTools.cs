using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Firewall.Iptables;
using Overlay.Agent.Firewall.Nftables;
using Overlay.Agent.Startup;

namespace Overlay.Agent.Firewall;

/// <summary>Which of the two firewalls is used on this host, and which may still hold rules of an earlier run.</summary>
/// <param name="InUse">The one that the network config asks for; null where its tools are missing and nothing needs them.</param>
/// <param name="Other">The other one, where its tools are there.</param>
internal sealed record FirewallTools(IFirewall? InUse, IFirewall? Other)
{
    /// <summary>Looks for the tools.</summary>
    /// <param name="settings">What is asked of them.</param>
    /// <param name="nftables">EnableNFTables of the network config.</param>
    /// <param name="time">For limits of time.</param>
    /// <param name="log">Says what is missing.</param>
    /// <exception cref="CannotStartException">Tools are missing that masquerading needs.</exception>
    public static FirewallTools Choose(FirewallSettings settings, bool nftables, TimeProvider time, ILogger log)
    {
        IptablesFirewall? iptables = IptablesFirewall.Find(time);
        NftFirewall? nft = NftFirewall.Find(time, iptables);
        FirewallTools tools = nftables ? new FirewallTools(nft, iptables) : new FirewallTools(iptables, nft);
        if (tools.InUse is not null) return tools;

        string missing = nftables ? "the network config has EnableNFTables, but nft is not installed (package nftables)" : "iptables-save and iptables-restore are not installed (package iptables)";
        if (settings.Masquerade) throw new CannotStartException($"--ip-masq: {missing}; install it, or start with --ip-masq=false");
        // Without the tool nobody is likely to have made FORWARD drop: Docker itself needs iptables.
        if (settings.ForwardRules) log.FirewallToolMissing(missing);
        return tools;
    }
}
