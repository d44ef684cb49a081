using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Startup;
using Overlay.Agent.Tunnel;
using Overlay.Agent.Tunnel.Routing;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Healing;

/// <summary>
/// What somebody else has set on this host and the overlay suffers from: routes and rules that lead its packets elsewhere, kernel switches that
/// drop them. None of it is ours to change, so each stands in STATUS, and once in the log, with the command that shows or mends it (FAULTS K4).
/// </summary>
/// <remarks>Used by one caller at a time.</remarks>
internal sealed class HostFindings(TimeProvider time, ILogger log)
{
    /// <summary>How long forwarding may be off after the start: Docker switches it on, and Docker starts after us.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan SayAgainAfter = TimeSpan.FromMinutes(10);
    private const int MostPeersAsked = 4;

    private readonly long _start = time.GetTimestamp();
    private readonly Dictionary<string, long> _lastSeen = [];
    private bool _wasForwarding;

    /// <summary>What the last look has found, for STATUS; null for nothing.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Takes a look; says what is new.</summary>
    /// <param name="netlink">Asked for the routes.</param>
    /// <param name="settings">The overlay.</param>
    /// <param name="node">This node and its peers.</param>
    public void Look(RouteNetlink netlink, OverlaySettings settings, ForwardingTable node)
    {
        string[] findings = [.. Ways(netlink, settings, node), .. Switches(settings.Device)];
        Trouble = findings.Length == 0 ? null : string.Join("; ", findings);
        foreach (string finding in findings)
        {
            bool isNew = !_lastSeen.TryGetValue(finding, out long seen) || time.GetElapsedTime(seen) > SayAgainAfter;
            _lastSeen[finding] = time.GetTimestamp();
            if (isNew) log.Found(finding);
        }
    }

    private static IEnumerable<string> Ways(RouteNetlink netlink, OverlaySettings settings, ForwardingTable node)
    {
        if (netlink.Link(settings.Device) is not { } device) yield break;
        IPNetwork own = new(AddressOf(node.Local.Subnet.Address), node.Local.Subnet.Length);
        IReadOnlyList<RouteInfo> table = netlink.MainTable();
        HostNetwork host = new(netlink.Links(), netlink.Addresses(), table, netlink.RouteTo) { RouteThrough = netlink.RouteThrough };
        RouteInfo[] foreign = [.. OverlayRoutes.InTheWay(table, settings.Network, own, device.Index)];
        foreach (string route in foreign.Select(route => OverlayRoutes.Describe(route, host.Links)))
            yield return $"a route that is not this agent's takes packets of the overlay: {route}; it is left alone, ip route delete {route} removes it";
        if (!table.Any(route => route.LinkIndex == device.Index && route.Destination.Equals(settings.Network))) yield break;   // on its way back
        foreach (IPAddress peer in node.Remotes[..Math.Min(MostPeersAsked, node.Remotes.Length)].ToArray().Select(remote => AddressOf(remote.Subnet.Address)))
        {
            if (foreign.Any(route => route.Destination.Contains(peer)) || Detour.Find(host, peer, own, device.Index) is not { } detour) continue;
            yield return $"{detour.What} to {settings.Network} go {detour.Way} instead of through {settings.Device}: a policy rule or another route is in front "
                + $"(ip rule show; {detour.Shown})";
        }
    }

    private IEnumerable<string> Switches(string device)
    {
        // A name with a dot needs slashes on sysctl's command line.
        if (Math.Max(Switch("all/rp_filter"), Switch($"{device}/rp_filter")) == 1)
        {
            yield return $"rp_filter is strict on {device}: packets whose way back is another one are dropped in silence; "
                + $"sysctl -w net/ipv4/conf/{device}/rp_filter=2 makes it loose";
        }
        if (Switch($"{device}/forwarding") == 1)
        {
            _wasForwarding = true;
            yield break;
        }
        if (!_wasForwarding && time.GetElapsedTime(_start) < Patience) yield break;
        yield return $"forwarding is off on {device}: containers of this node reach no other node; sysctl -w net.ipv4.ip_forward=1 switches it on";
    }

    private static int Switch(string path)
    {
        try
        {
            return int.Parse(File.ReadAllText($"/proc/sys/net/ipv4/conf/{path}"), NumberStyles.Integer, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return -1;   // the device is not there, or not under this name
        }
    }

    private static IPAddress AddressOf(uint address) => new([(byte)(address >> 24), (byte)(address >> 16), (byte)(address >> 8), (byte)address]);
}
