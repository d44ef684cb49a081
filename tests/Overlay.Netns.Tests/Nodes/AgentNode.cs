using System.Text.RegularExpressions;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Nodes;

/// <summary>A host that runs the agent, again and again if need be, with files of its own.</summary>
/// <remarks>
/// When the test is over, no log line of the level WARN or worse may stand there that the test did not announce
/// (<see cref="Announce"/>), no packet may have been dropped for a reason that it did not announce (<see cref="AnnounceDrops"/>), and
/// each packet must have been delivered or dropped (FAULTS, "after every layer-3 test, always").
/// </remarks>
internal sealed partial class AgentNode : IOverlayNode
{
    private readonly Underlay _underlay;
    private readonly EtcdNode _etcd;
    private readonly List<string> _announced = ["packets dropped in the last"];   // the counts at the end are looked at anyway
    private readonly HashSet<string> _announcedDrops = [];
    private readonly List<AgentProcess> _runs = [];

    /// <summary>Attaches the host; the agent does not run before <see cref="Start"/>.</summary>
    public AgentNode(Underlay underlay, EtcdNode etcd, string name, int number)
    {
        _underlay = underlay;
        _etcd = etcd;
        Host = underlay.Attach(name, number);
        Folder = Directory.CreateDirectory(Path.Combine(underlay.Folder, name)).FullName;
        underlay.CheckAtEnd(AssertQuietAsync);
    }

    /// <inheritdoc/>
    public Host Host { get; }

    /// <summary>Holds subnet.env and state.</summary>
    public string Folder { get; }

    /// <summary>Path of subnet.env.</summary>
    public string SubnetFilePath => Path.Combine(Folder, "subnet.env");

    /// <summary>Where a test that asks for Docker's options has them written.</summary>
    public string DockerOptionsPath => Path.Combine(Folder, "docker_opts.env");

    /// <summary>Path of the state folder.</summary>
    public string StatePath => Path.Combine(Folder, "state");

    /// <inheritdoc/>
    public SubnetFile File => SubnetFile.Read(SubnetFilePath);

    /// <summary>The name of its key below <c>subnets/</c>.</summary>
    public string LeaseName => $"{File.Subnet.BaseAddress}-{File.PrefixLength}";

    /// <summary>The value of its key.</summary>
    public string LeaseValue => _etcd.Leases()[LeaseName];

    /// <inheritdoc/>
    public string VtepMac => VtepMacOf(LeaseValue);

    /// <summary>The newest run.</summary>
    public AgentProcess Agent => _runs[^1];

    /// <summary>The command line that each run begins with.</summary>
    public IReadOnlyList<string> Flags =>
        [$"--etcd-endpoints={_etcd.Endpoint}", "--iface=eth0", $"--subnet-file={SubnetFilePath}", $"--state-dir={StatePath}",
        "--iptables-forward-rules=false"];   // tests of other things need no tool for it; the last word on the line counts

    /// <summary>Starts the agent.</summary>
    public AgentProcess Start(params IEnumerable<string> more) => Run(AgentProcess.Start(Host, [.. Flags, .. more]));

    /// <summary>Starts the agent with more in its environment.</summary>
    public AgentProcess StartWith(IReadOnlyDictionary<string, string> environment, params IEnumerable<string> more) =>
        Run(AgentProcess.Start(Host, [.. Flags, .. more], environment));

    /// <summary>Starts the agent through another program.</summary>
    public AgentProcess StartThrough(params IReadOnlyList<string> wrapper) => Run(AgentProcess.Start(Host, Flags, null, wrapper));

    /// <summary>Starts the agent through another program, with more flags.</summary>
    public AgentProcess StartThrough(IReadOnlyList<string> wrapper, params IEnumerable<string> more) =>
        Run(AgentProcess.Start(Host, [.. Flags, .. more], null, wrapper));

    /// <summary>Starts the agent and waits until it is ready.</summary>
    public async Task<AgentProcess> StartReadyAsync(params IEnumerable<string> more)
    {
        AgentProcess agent = Start(more);
        await agent.ReadyAsync();
        return agent;
    }

    /// <summary>Says which warnings this test brings about, by a part of their text.</summary>
    public void Announce(params IEnumerable<string> texts) => _announced.AddRange(texts);

    /// <summary>Says for which reasons packets are dropped in this test, by the names of DropReason.</summary>
    public void AnnounceDrops(params IEnumerable<string> reasons) => _announcedDrops.UnionWith(reasons);

    /// <summary>The VTEP MAC in the value of a lease.</summary>
    public static string VtepMacOf(string lease) => MacPattern().Match(lease).Groups[1].Value;

    private AgentProcess Run(AgentProcess agent)
    {
        _runs.Add(agent);
        return _underlay.Own(agent);
    }

    private async Task AssertQuietAsync()
    {
        foreach (AgentProcess run in _runs)
        {
            if (!run.HasExited && run.Count(" INFO  ready: ") > 0) await AssertConservedAsync(run);
            TestContext.Current.TestOutputHelper?.WriteLine($"--- log of {Host.Name}, process {run.Id}\n{run.LogText}");
            string[] unexpected = [.. run.Trouble.Where(line => !_announced.Any(text => line.Contains(text, StringComparison.Ordinal)))];
            Assert.True(unexpected.Length == 0, $"{Host.Name} complained:\n{string.Join('\n', unexpected)}\nin\n{run.LogText}");
        }
    }

    // Looked at again and again, for the last packets may be under way.
    private async Task AssertConservedAsync(AgentProcess run)
    {
        FlowCounts[] both = [];
        await Eventually.TrueAsync(async () =>
        {
            (FlowCounts outbound, FlowCounts inbound) = await run.CountsAsync();
            both = [outbound, inbound];
            return both.All(counts => counts.Received == counts.Delivered + counts.Drops.Values.Sum());
        }, $"every packet of {Host.Name} was delivered or dropped", () => run.LogText);
        string[] unexpected = [.. both.SelectMany(counts => counts.Drops.Keys).Except(_announcedDrops)];
        Assert.True(unexpected.Length == 0, $"{Host.Name} dropped packets for {string.Join(", ", unexpected)}:\n{run.LogText}");
    }

    [GeneratedRegex("\"VtepMAC\":\"([0-9a-f:]{17})\"")]
    private static partial Regex MacPattern();
}
