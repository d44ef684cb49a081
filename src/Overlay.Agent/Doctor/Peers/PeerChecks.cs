using System.Globalization;
using Overlay.Encap.Mtu;

namespace Overlay.Agent.Doctor.Peers;

/// <summary>Reachability, path MTU and round trips of each peer. Pure.</summary>
internal static class PeerChecks
{
    private const double Jumpy = 10;
    private static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(20);

    /// <summary>All findings.</summary>
    /// <param name="peers">Those that were probed.</param>
    /// <param name="left">How many were not, for there are too many.</param>
    /// <param name="port">UDP port of every node.</param>
    /// <param name="link">Name of the underlay interface, for advice.</param>
    public static IEnumerable<Finding> Judge(IReadOnlyList<PeerFacts> peers, int left, int port, string link)
    {
        if (peers.Count == 0) return [Checks.Reach.Skip("no other node has a lease"), Checks.PathMtu.Skip("no peers"), Checks.Jitter.Skip("no peers")];
        IEnumerable<Finding> findings = peers.SelectMany(peer => new[] { Reach(peer, port), PathMtu(peer, link), Jitter(peer) }.Select(finding => finding.Of(peer.PublicIp.ToString())));
        return left == 0 ? findings : findings.Append(Checks.Reach.Skip($"{left} more peers were not probed"));
    }

    private static Finding Reach(PeerFacts peer, int port)
    {
        int came = peer.RoundTrips.Count;
        if (came == peer.Sent) return Checks.Reach.Ok($"{peer.Overlay} answers through the overlay: UDP {port} is open both ways");
        if (came > 0) return Checks.Reach.Warn($"{peer.Overlay} answers {came} of {peer.Sent} pings through the overlay", $"mtr -u -P {port} {peer.PublicIp}, and the checks of processor and links on both nodes");
        string nothing = $"{peer.Overlay} does not answer through the overlay";
        if (peer.IsPortRefused == true) return Checks.Reach.Fail($"{nothing}; {peer.PublicIp} is up and nobody listens on its UDP port {port}", $"on {peer.PublicIp}: systemctl start overlay-agent");
        if (peer.UnderlayPath?.Largest is null) return Checks.Reach.Fail($"{nothing}, nor {peer.PublicIp} on the underlay: it is down, cut off, or drops pings too", $"ping {peer.PublicIp}; if the node is gone for good, overlay-agent leases shows when its lease ends");
        return Checks.Reach.Fail(
            $"{nothing}; {peer.PublicIp} answers on the underlay, so UDP {port} is filtered one way or both, or its agent does not accept this node{(peer.Problem is null ? "" : $" ({peer.Problem})")}",
            $"allow UDP {port} between the nodes (iptables -I INPUT -p udp --dport {port} -j ACCEPT, and the provider's firewall); on {peer.PublicIp}: overlay-agent doctor, tcpdump -ni any udp port {port}");
    }

    private static Finding PathMtu(PeerFacts peer, string link)
    {
        PathProbe? outer = peer.UnderlayPath, inner = peer.OverlayPath;
        if (inner is { Passes: false, Largest: { } largest })
            return Lossy(inner, $"overlay packets of {inner.Wanted} bytes to {peer.Overlay}", largest + Overhead.OuterIPv4, outer is { Passes: false, Largest: { } below } ? $"; on the underlay up to {below} pass" : "", link);
        if (inner is not null) return Checks.PathMtu.Ok($"{inner.Wanted} bytes with DF pass through the overlay");
        // A node that answers small pings and no large ones can also have a firewall that limits pings; the overlay could not be asked.
        return outer is { Passes: false, Largest: { } passes }
            ? Lossy(outer, $"packets of {outer.Wanted} bytes to {peer.PublicIp} on the underlay", passes, "", link)
            : Checks.PathMtu.Skip(outer?.Passes == true ? $"{outer.Wanted} bytes pass on the underlay; the overlay does not answer" : "no answer to compare with");
    }

    private static Finding Lossy(PathProbe path, string what, int outer, string more, string link)
    {
        string found = path.IsTold ? $"{what} are too big, up to {path.Largest} pass: a smaller link is on the way{more}" : $"black hole: {what} vanish in silence, up to {path.Largest} pass{more}";
        return Checks.PathMtu.Fail(found, $"set \"MTU\": {outer} in Backend of the network config (overlay-agent config put), or ip link set {link} mtu {outer}; then restart overlay-agent and docker on each node. Or mend the path: let ICMP type 3 code 4 through");
    }

    private static Finding Jitter(PeerFacts peer)
    {
        if (peer.RoundTrips.Count == 0) return Checks.Jitter.Skip("no answers");
        TimeSpan[] sorted = [.. peer.RoundTrips.Order()];
        TimeSpan best = sorted[0], median = sorted[sorted.Length / 2], worst = sorted[^1];
        string found = string.Create(CultureInfo.InvariantCulture, $"{sorted.Length} pings: min {best.TotalMilliseconds:0.00} ms, p50 {median.TotalMilliseconds:0.00} ms, max {worst.TotalMilliseconds:0.00} ms");
        // Against the best and not the median: where every second packet waits, the median waits too.
        return worst > Slow && worst > best * Jumpy
            ? Checks.Jitter.Warn(found, "look at host.steal on both nodes, and at the load of the link")
            : Checks.Jitter.Ok(found);
    }
}
