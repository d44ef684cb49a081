using System.Net;
using Overlay.Agent.Configuration;
using Overlay.Agent.Docker;
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
/// <param name="limit">What has not answered by then is given up, and skipped in the report.</param>
/// <param name="progress">Receives a word on what takes time.</param>
internal sealed class Examination(DoctorSettings settings, HostFiles files, TimeProvider time, TimeSpan limit, Action<string> progress)
{
    /// <summary>Longer than all that waits inside; what hangs even so (a dead network file system) is given up.</summary>
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(90);

    private readonly AgentOptions _options = settings.Options;

    /// <summary>Whether something was given up.</summary>
    public bool GaveUp { get; private set; }

    /// <summary>Looks and judges.</summary>
    /// <returns>The findings in the order of <see cref="Checks.All"/>.</returns>
    public async Task<IReadOnlyList<Finding>> RunAsync(CancellationToken stop)
    {
        using CancellationTokenSource late = new(limit, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(stop, late.Token);
        CancellationToken end = either.Token;
        using RouteNetlink netlink = new();
        progress("watching the processors, asking etcd");
        Task<HostFacts> hostTask = Task.Run(() => HostGatherer.GatherAsync(_options, files, settings.Agents, time, end), end);
        Task<FirewallFacts> firewallTask = Task.Run(() => FirewallFacts.ReadAsync(time, end), end);
        Task<DockerUnit?> unitTask = Task.Run(() => DockerUnit.ReadAsync(files, time, end), end);
        string tooLong = $"given up after {limit.TotalSeconds:0} s";

        EtcdFacts etcd = await InTimeAsync(EtcdGatherer.GatherAsync(_options.Etcd, PublicIp(netlink), time, end)).ConfigureAwait(false) ?? new EtcdFacts { Problem = $"etcd: {tooLong}" };
        etcd = etcd.WithCache(_options.StateDirectory, _options.Etcd.Prefix);
        NodeFacts node = NodeGatherer.Gather(_options, etcd.KnownConfig, netlink, files, settings.Agents);
        // Where the flags name no interface of this host, its own lease would pass for a peer's.
        Lease[] peers = [.. etcd.Peers(node.Underlay?.PublicIp).Where(p => !node.Host.Addresses.Any(a => a.Address.Equals(p.Attributes.PublicIP)))];
        if (peers.Length > 0) progress($"probing {Math.Min(peers.Length, PeerGatherer.MostPeers)} peers");
        IEnumerable<Finding> ofPeers = await InTimeAsync(ProbeAsync(etcd, node, peers, end)).ConfigureAwait(false) ?? Skip("peers", tooLong);
        HostFacts? host = await InTimeAsync(hostTask).ConfigureAwait(false);
        FirewallFacts firewall = await InTimeAsync(firewallTask).ConfigureAwait(false) ?? new FirewallFacts([], tooLong, []);
        DockerUnit? unit = await InTimeAsync(unitTask).ConfigureAwait(false);

        DockerView docker = DockerView.Read(node.Host, files);
        // Of several daemons one has Docker; the others' containers are somebody else's.
        DockerView ours = docker.SeenBy(_options.SubnetFile, _options.DockerOptionsFile);
        Lease? first = peers.Length > 0 ? peers[0] : null;
        (IPAddress Underlay, IPAddress Overlay)[] ways = [.. peers.Take(PeerGatherer.MostPeers).Select(p => (p.Attributes.PublicIP, p.Subnet.BaseAddress))];
        IEnumerable<Finding> findings =
        [
            .. host is null ? Skip("host", tooLong) : HostChecks.Judge(host),
            .. UnderlayChecks.Judge(node),
            .. OverlayChecks.Judge(node, ways.Select(way => way.Overlay)),
            .. MtuChecks.Judge(node, ours),
            .. DockerChecks.Judge(node, ours, unit),
            .. BipCheck.Judge(node, ours, [.. ways.Select(way => way.Underlay)]),
            .. SysctlChecks.Judge(SysctlFacts.Read(files), node, ways, docker.Daemon is not null),
            .. FirewallChecks.Judge(firewall, node, ours, first is null ? null : (first.Subnet, first.Attributes.PublicIP)),
            .. MemberChecks.Judge(etcd),
            .. LeaseChecks.Judge(etcd, node, new StateFile(_options.StateDirectory).Load().State),
            .. ofPeers,
        ];
        Dictionary<Check, int> order = Checks.All.Select((check, index) => (check, index)).ToDictionary(pair => pair.check, pair => pair.index);
        return [.. findings.OrderBy(finding => order[finding.Check])];

        // Not only by the token: a read that the kernel does not come back from heeds none.
        async Task<T?> InTimeAsync<T>(Task<T> task)
        {
            try
            {
                return await task.WaitAsync(end).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                GaveUp = true;
                return default;
            }
        }
    }

    private static IEnumerable<Finding> Skip(string group, string reason) => Checks.All.Where(check => check.Group == group).Select(check => check.Skip(reason));

    private async Task<IEnumerable<Finding>> ProbeAsync(EtcdFacts etcd, NodeFacts node, Lease[] peers, CancellationToken stop)
    {
        if (etcd.Problem is not null && etcd.Cache is null) return Skip("peers", $"etcd cannot be read, and {_options.StateDirectory} has no cache of it that can be: the peers are not known");
        if (node.OverlayMtu is not { } mtu || node.Tun is null) return Skip("peers", $"there is no {node.Device} to probe through");
        await using EchoSocket? sockets = EchoSocket.Open(time, out string? problem);
        if (sockets is null) return Skip("peers", problem!);
        IReadOnlyList<PeerFacts> facts = await PeerGatherer.GatherAsync(peers, mtu, node.Port, sockets, time, stop).ConfigureAwait(false);
        IEnumerable<Finding> findings = PeerChecks.Judge(facts, peers.Length - facts.Count, node.Port, node.Underlay?.Link.Name ?? "eth0");
        return etcd.Cache is null ? findings : findings.Prepend(Checks.Reach.Skip($"etcd cannot be read: the peers below are those of the agent's cache of {etcd.Cache.Saved:u}"));
    }

    private IPAddress? PublicIp(RouteNetlink netlink)
    {
        try
        {
            return UnderlayInterface.Choose(_options.Underlay, HostNetwork.Read(netlink)).PublicIp;
        }
        catch (CannotStartException)
        {
            return _options.Underlay.PublicIp;
        }
    }
}
