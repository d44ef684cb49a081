using System.Net;
using Overlay.Agent.Cli.Grammar;
using Overlay.Subnet;
using Overlay.Subnet.Model;
using static Overlay.Agent.NetworkConfigs.ConfigDocument;

namespace Overlay.Agent.NetworkConfigs;

/// <summary>What a usable network config says that agents pass over or read otherwise than its writer may think. Pure.</summary>
internal static class ConfigWarnings
{
    private static readonly string[] Known =
    [
        "Network", "SubnetLen", "SubnetMin", "SubnetMax", "Backend", "EnableIPv4", "EnableIPv6", "EnableNFTables",
        "Backend.Type", "Backend.VNI", "Backend.Port", "Backend.MTU", "Backend.GBP", "Backend.Learning", "Backend.DirectRouting",
    ];

    private static readonly string[] OfIPv6 = ["IPv6Network", "IPv6SubnetLen", "IPv6SubnetMin", "IPv6SubnetMax"];
    private static readonly string[] OfWindows = ["Backend.Name", "Backend.MacPrefix"];

    private static readonly IPNetwork[] Private =
        [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("172.16.0.0/12"), IPNetwork.Parse("192.168.0.0/16"), IPNetwork.Parse("100.64.0.0/10")];

    /// <summary>The warnings, in the order of the document, then those on the whole.</summary>
    /// <param name="document">The document.</param>
    /// <param name="config">What agents take from it; null when it has mistakes.</param>
    public static IEnumerable<ConfigRemark> Of(ConfigDocument document, NetworkConfig? config)
    {
        foreach (string key in document.Keys.Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (document.Keys.Count(k => Is(k, key)) > 1) yield return Remark(key, "given more than once; the last one counts");
            if (!Known.Any(k => Is(k, key))) yield return Remark(key, Stranger(key));
        }
        if (IsTrue("Backend.Learning")) yield return Remark("Backend.Learning", "ignored: peers are known from etcd and nothing is learnt");
        if (IsTrue("Backend.DirectRouting")) yield return Remark("Backend.DirectRouting", "not acted upon: this agent tunnels to neighbours too");
        if (config is null) yield break;

        if (config.Backend.TypeWasMissing)
        {
            yield return new ConfigRemark("Backend.Type", null, document.Has("Backend")
                ? "missing; this agent takes vxlan, flanneld refuses to start" : "missing; this agent takes vxlan, flanneld takes udp");
        }
        if (document.Text("Network") is { } written && written != config.Network.ToString())
            yield return Remark("Network", $"has bits below its length; agents take {config.Network}");
        if (!Private.Any(p => p.Contains(config.Network.BaseAddress) && p.PrefixLength <= config.Network.PrefixLength))
            yield return Remark("Network", "is not private address space; nodes lose the way to whoever has these addresses on the internet");
        if (!document.Has("SubnetMin"))
            yield return new ConfigRemark("SubnetMin", null, $"not given, so the first subnet, {config.Network.BaseAddress}/{config.SubnetLength}, is never leased (as with flannel)");
        if (config.Backend.Mtu is > 0 and < 576)
            yield return Remark("Backend.MTU", "is very small; it is the MTU of the network between the nodes, outer headers included");

        bool IsTrue(string key) => document.Value(key) is "true";
        ConfigRemark Remark(string key, string text) => new(LogText.Escape(key), document.Value(key), text);
    }

    private static string Stranger(string key)
    {
        if (OfIPv6.Any(k => Is(k, key))) return "ignored: overlays of this agent are IPv4";
        if (OfWindows.Any(k => Is(k, key))) return "ignored: only flanneld on Windows reads it";
        string? near = Spelling.Nearest(key, Known);
        return "unknown and ignored, by flannel too" + (near is null ? "" : $"; did you mean {near}?");
    }
}
