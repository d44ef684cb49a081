using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor.Sysctls;

/// <summary>The kernel's settings now and at the next boot.</summary>
/// <param name="Values">By path below /proc/sys, such as <c>net/ipv4/ip_forward</c>; absent where the kernel has none.</param>
/// <param name="Boot">What the next boot sets.</param>
internal sealed record SysctlFacts(IReadOnlyDictionary<string, string> Values, BootSettings Boot)
{
    public const string Forward = "net/ipv4/ip_forward";
    public const string BridgeIptables = "net/bridge/bridge-nf-call-iptables";
    public const string BridgeIp6tables = "net/bridge/bridge-nf-call-ip6tables";

    /// <summary>Reads them.</summary>
    public static SysctlFacts Read(HostFiles files)
    {
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        IEnumerable<string> paths = files.Names("/proc/sys/net/ipv4/conf").SelectMany(device => new[] { ReversePath(device), Forwarding(device) });
        foreach (string path in paths.Concat([Forward, BridgeIptables, BridgeIp6tables]))
        {
            if (files.Value($"/proc/sys/{path}") is { } value) values[path] = value;
        }
        return new SysctlFacts(values, BootSettings.Read(files));
    }

    /// <summary>Path of a device's rp_filter, also of <c>all</c> and <c>default</c>.</summary>
    public static string ReversePath(string device) => $"net/ipv4/conf/{device}/rp_filter";

    /// <summary>Path of a device's forwarding switch.</summary>
    public static string Forwarding(string device) => $"net/ipv4/conf/{device}/forwarding";

    /// <summary>The value at a path, or null.</summary>
    public string? this[string path] => Values.GetValueOrDefault(path);
}
