using System.Net;
using Overlay.Agent.Configuration;
using Overlay.Agent.Doctor.Docker;
using Overlay.Agent.Doctor.Etcd;
using Overlay.Agent.Doctor.Firewall;
using Overlay.Agent.Doctor.Host;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.Doctor.Peers;
using Overlay.Agent.Doctor.Sysctls;
using Overlay.Agent.Reading;
using Overlay.Agent.Startup;
using Overlay.Agent.State;
using Overlay.Encap.Linux.Netlink;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Doctor;

/// <summary>One look at the whole node: reads the facts, the slow ones beside each other, then judges them. Changes nothing.</summary>
/// <param name="settings">The daemon's options.</param>
/// <param name="files">This host's.</param>
/// <param name="time">Clock of all that is timed.</param>
/// <param name="progress">Receives a word on what takes time.</param>
internal sealed class Examination(DoctorSettings settings, HostFiles files, TimeProvider time, Action<string> progress)
{
    /// <summary>Longer than all that waits inside; what hangs even so (a dead network file system) is given up.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    /// <summary>Looks and judges.</summary>
    /// <returns>The findings in the order of <see cref="Checks.All"/>.</returns>
    public async Task<IReadOnlyList<Finding>> RunAsync(CancellationToken stop)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(Limit);
        AgentOptions options = settings.Options;
        using RouteNetlink netlink = new();
        progress("watching the processors, asking etcd");
        Task<HostFacts> hostTask = HostGatherer.GatherAsync(options, files, settings.Agents, time, limit.Token);
        Task<FirewallFacts> firewallTask = FirewallFacts.ReadAsync(time, limit.Token);
        EtcdFacts etcd = await EtcdGatherer.GatherAsync(options.Etcd, PublicIp(options, netlink), time, limit.Token).ConfigureAwait(false);
        etcd = etcd.WithCache(options.StateDirectory, options.Etcd.Prefix);
        NodeFacts node = NodeGatherer.Gather(options, etcd.KnownConfig, netlink, files, settings.Agents);
        // Where the flags name no interface of this host, its own lease would pass for a peer's.
        Lease[] peers = [.. etcd.Peers(node.Underlay?.PublicIp).Where(p => !node.Host.Addresses.Any(a => a.Address.Equals(p.Attributes.PublicIP)))];
        if (peers.Length > 0) progress($"probing {Math.Min(peers.Length, PeerGatherer.MostPeers)} peers");
        IEnumerable<Finding> ofPeers = await ProbeAsync(etcd, node, peers, limit.Token).ConfigureAwait(false);

        HostFacts host = await hostTask.ConfigureAwait(false);
        FirewallFacts firewall = await firewallTask.ConfigureAwait(false);
        DockerFacts docker = DockerFacts.Read(files);
        Lease? first = peers.Length > 0 ? peers[0] : null;
        (IPAddress, IPAddress)[] ways = [.. peers.Take(PeerGatherer.MostPeers).Select(p => (p.Attributes.PublicIP, p.Subnet.BaseAddress))];
        IEnumerable<Finding> findings =
        [
            .. HostChecks.Judge(host),
            .. UnderlayChecks.Judge(node),
            .. OverlayChecks.Judge(node),
            .. MtuChecks.Judge(node),
            .. DockerChecks.Judge(node, docker),
            .. BipCheck.Judge(node, docker),
            .. SysctlChecks.Judge(SysctlFacts.Read(files), node, ways, docker.Daemon is not null),
            .. FirewallChecks.Judge(firewall, node, first is null ? null : (first.Subnet, first.Attributes.PublicIP)),
            .. MemberChecks.Judge(etcd),
            .. LeaseChecks.Judge(etcd, node, new StateFile(options.StateDirectory).Load().State),
            .. ofPeers,
        ];
        Dictionary<Check, int> order = Checks.All.Select((check, index) => (check, index)).ToDictionary(pair => pair.check, pair => pair.index);
        return [.. findings.OrderBy(finding => order[finding.Check])];
    }

    private async Task<IEnumerable<Finding>> ProbeAsync(EtcdFacts etcd, NodeFacts node, Lease[] peers, CancellationToken stop)
    {
        static IEnumerable<Finding> Skip(string reason) => [Checks.Reach.Skip(reason), Checks.PathMtu.Skip(reason), Checks.Jitter.Skip(reason)];
        if (etcd.Problem is not null && etcd.Cache is null) return Skip($"etcd cannot be read, and {settings.Options.StateDirectory} has no cache of it that can be: the peers are not known");
        if (node.OverlayMtu is not { } mtu || node.Tun is null) return Skip($"there is no {node.Device} to probe through");
        await using EchoSocket? sockets = EchoSocket.Open(time, out string? problem);
        if (sockets is null) return Skip(problem!);
        IReadOnlyList<PeerFacts> facts = await PeerGatherer.GatherAsync(peers, mtu, node.Port, sockets, time, stop).ConfigureAwait(false);
        IEnumerable<Finding> findings = PeerChecks.Judge(facts, peers.Length - facts.Count, node.Port, node.Underlay?.Link.Name ?? "eth0");
        return etcd.Cache is null ? findings : findings.Prepend(Checks.Reach.Skip($"etcd cannot be read: the peers below are those of the agent's cache of {etcd.Cache.Saved:u}"));
    }

    private static IPAddress? PublicIp(AgentOptions options, RouteNetlink netlink)
    {
        try
        {
            return UnderlayInterface.Choose(options.Underlay, HostNetwork.Read(netlink)).PublicIp;
        }
        catch (CannotStartException)
        {
            return options.Underlay.PublicIp;
        }
    }
}
