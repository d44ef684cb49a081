using System.Globalization;
using System.Net;
using Overlay.Agent.Doctor.Node;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Doctor.Sysctls;

/// <summary>Forwarding, reverse path filter and bridge netfilter. Pure.</summary>
internal static class SysctlChecks
{
    /// <summary>All findings.</summary>
    /// <param name="sysctls">The kernel's settings.</param>
    /// <param name="node">Devices and routes.</param>
    /// <param name="peers">Public and overlay addresses of peers: the way back to each is looked at.</param>
    /// <param name="hasDocker">Docker sets ip_forward when it starts.</param>
    public static IEnumerable<Finding> Judge(SysctlFacts sysctls, NodeFacts node, IReadOnlyList<(IPAddress Underlay, IPAddress Overlay)> peers, bool hasDocker) =>
    [
        Forwarding(sysctls, node, hasDocker),
        .. ReversePath(sysctls, node, peers),
        Bridge(sysctls, Checks.BridgeIptables, SysctlFacts.BridgeIptables),
        Bridge(sysctls, Checks.BridgeIp6tables, SysctlFacts.BridgeIp6tables),
    ];

    private static Finding Forwarding(SysctlFacts sysctls, NodeFacts node, bool hasDocker)
    {
        const string Name = "net.ipv4.ip_forward";
        string mend = Set(sysctls, Name);
        if (sysctls[SysctlFacts.Forward] != "1") return Checks.Forwarding.Fail($"{Name}={sysctls[SysctlFacts.Forward] ?? "?"}", mend);
        string?[] devices = [node.Device, node.Underlay?.Link.Name, "docker0"];
        string[] off = [.. devices.OfType<string>().Where(device => sysctls[SysctlFacts.Forwarding(device)] == "0")];
        if (off.Length > 0) return Checks.Forwarding.Fail($"{Name}=1, but it is off for {string.Join(", ", off)}", string.Join("; ", off.Select(device => $"sysctl -w net/ipv4/conf/{device}/forwarding=1")));
        return sysctls.Boot.ValueOf(Name) switch
        {
            ("1", var file) => Checks.Forwarding.Ok($"{Name}=1, also after a reboot ({file})"),
            (var value, var file) => Checks.Forwarding.Warn($"{Name}=1 now, {file} sets it to {value} at boot", mend),
            null when hasDocker => Checks.Forwarding.Ok($"{Name}=1, and Docker sets it when it starts"),
            null => Checks.Forwarding.Warn($"{Name}=1 now, nothing sets it after a reboot", mend),
        };
    }

    // The kernel goes by the stricter of "all" and the device's own: 0 off, 1 strict, 2 loose.
    private static List<Finding> ReversePath(SysctlFacts sysctls, NodeFacts node, IReadOnlyList<(IPAddress Underlay, IPAddress Overlay)> peers)
    {
        List<Finding> findings = [];
        int all = Number(sysctls[SysctlFacts.ReversePath("all")]);
        List<string> strict = [];
        LinkInfo?[] links = [node.Tun, node.Underlay?.Link];
        foreach (LinkInfo link in links.OfType<LinkInfo>())
        {
            if (Math.Max(all, Number(sysctls[SysctlFacts.ReversePath(link.Name)])) != 1) continue;
            strict.Add(link.Name);
            IPAddress? other = peers.Select(p => link == node.Tun ? p.Overlay : p.Underlay).FirstOrDefault(address => node.Host.RouteTo(address)?.LinkIndex != link.Index);
            if (other is null) continue;
            string way = node.Host.RouteTo(other) is { } route ? $"leaves by {node.Link(route.LinkIndex)?.Name ?? "?"}" : "has no route";
            findings.Add(Checks.ReversePath.Fail($"rp_filter=1 on {link.Name}, and the way to {other} {way}: what comes from there by {link.Name} is dropped", Loosen(sysctls, [link.Name], all)).Of(link.Name));
        }
        if (findings.Count > 0) return findings;
        return
        [
            strict.Count == 0
                ? Checks.ReversePath.Ok($"not strict on {node.Device}{(node.Underlay is { } underlay ? $" and {underlay.Link.Name}" : "")}")
                : Checks.ReversePath.Warn($"rp_filter=1 on {string.Join(" and ", strict)}: right as long as every answer leaves by the interface its question came in by", Loosen(sysctls, strict, all)),
        ];
    }

    private static string Loosen(SysctlFacts sysctls, IEnumerable<string> links, int all) =>
        all == 1 ? Set(sysctls, "net.ipv4.conf.all.rp_filter", 2) : string.Join("; ", links.Select(link => Set(sysctls, $"net/ipv4/conf/{link}/rp_filter", 2)));

    private static Finding Bridge(SysctlFacts sysctls, Check check, string path)
    {
        string name = path.Replace('/', '.');
        string load = "echo br_netfilter > /etc/modules-load.d/br_netfilter.conf";
        if (sysctls[path] is not { } value) return check.Fail($"{name} does not exist: the module br_netfilter is not loaded", $"modprobe br_netfilter; {load}; {Set(sysctls, name)}");
        if (value != "1") return check.Fail($"{name}={value}", $"{Set(sysctls, name)}; {load}");
        bool loads = sysctls.Boot.Loads("br_netfilter");
        return sysctls.Boot.ValueOf(name) switch
        {
            ("1", var file) when loads => check.Ok($"{name}=1, also after a reboot ({file})"),
            ("1", var file) => check.Warn($"{name}=1, but {file} has no effect at boot as long as nothing loads br_netfilter before", load),
            (var other, var file) => check.Warn($"{name}=1 now, {file} sets it to {other} at boot", $"{sysctls.Boot.Keep(name, 1)}{(loads ? "" : $"; {load}")}"),
            // The kernel's default is 1, once the module is there.
            null when loads => check.Ok($"{name}=1, the default of br_netfilter, which is loaded at boot"),
            null => check.Warn($"{name}=1 now, nothing sets it after a reboot", $"{load}; {sysctls.Boot.Keep(name, 1)}"),
        };
    }

    // Now, and at the next boot.
    private static string Set(SysctlFacts sysctls, string name, int value = 1) =>
        $"sysctl -w {name}={value}" + (sysctls.Boot.Keep(name, value) is { } keep ? $"; {keep}" : "");

    private static int Number(string? text) => int.TryParse(text, CultureInfo.InvariantCulture, out int number) ? number : 0;
}
