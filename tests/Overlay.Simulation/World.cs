using System.Net;
using Overlay.Simulation.Agents;
using Overlay.Simulation.Etcd;
using Overlay.Simulation.Network;
using Overlay.Simulation.Rules;
using Overlay.Simulation.Sabotage;
using Overlay.Simulation.Time;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation;

/// <summary>Everything there is in one schedule. Every choice comes from the seed, by generators that are drawn from in a fixed order.</summary>
public sealed class World
{
    private readonly Random _seeds;
    private readonly PlantedBug _bug;
    private readonly List<NetworkConfig> _others;

    public World(int seed, SimulationOptions options, bool isTraced)
    {
        _seeds = new Random(seed);
        _bug = options.Bug;
        Clock = new SimClock();
        Trace = new Trace(Clock, isTraced);
        Random = NewRandom();
        bool isPaged = Random.Next(3) == 0;
        Etcd = new SimEtcd(Clock, Trace) { PageSize = isPaged ? 1 + Random.Next(3) : int.MaxValue };
        if (isPaged)
            Counts.Add(Fault.PagedReads);
        int agents = options.Agents ?? 2 + Random.Next(4);
        int subnets = Math.Max(1, agents - 1 + Random.Next(4)); // now and then too few for all
        Timing = new LeaseTiming { Ttl = TimeSpan.FromSeconds(Random.Next(20, 61)), RenewMargin = TimeSpan.FromSeconds(8) };
        ConfigText = $$$"""{"Network":"10.5.0.0/16","SubnetMin":"10.5.1.0","SubnetMax":"10.5.{{{subnets}}}.0","Backend":{"Type":"vxlan"}}""";
        Config = NetworkConfig.Parse(System.Text.Encoding.UTF8.GetBytes(ConfigText));
        OtherConfigs =
        [
            ConfigText.Replace("vxlan\"", "vxlan\",\"MTU\":1400", StringComparison.Ordinal),
            $$$"""{"Network":"10.5.0.0/16","SubnetLen":23,"SubnetMin":"10.5.0.0","SubnetMax":"10.5.{{{subnets & ~1}}}.0","Backend":{"Type":"vxlan"}}""",
            $$$"""{"Network":"10.5.0.0/16","SubnetLen":25,"SubnetMin":"10.5.1.0","SubnetMax":"10.5.{{{subnets}}}.128","Backend":{"Type":"vxlan"}}""",
            ConfigText.Replace("10.5.", "10.6.", StringComparison.Ordinal),
        ];
        _others = [.. OtherConfigs.Select(text => NetworkConfig.Parse(System.Text.Encoding.UTF8.GetBytes(text)))];
        Pool = [.. Enumerable.Range(1, subnets).Select(i => IPNetwork.Parse($"10.5.{i}.0/24"))];
        Agents = [.. Enumerable.Range(1, agents).Select(i => new SimAgent(i, new SimLink(Clock, Etcd, NewRandom(), Counts), this))];
        Writes = new WriteRules(this);
        Etcd.Committed = Writes.Check;
        Etcd.Start();
    }

    public SimClock Clock { get; }

    public Trace Trace { get; }

    public SimEtcd Etcd { get; }

    public IReadOnlyList<SimAgent> Agents { get; }

    public FaultCounts Counts { get; } = new();

    /// <summary>For the schedule itself.</summary>
    public Random Random { get; }

    public LeaseTiming Timing { get; }

    public string ConfigText { get; }

    public NetworkConfig Config { get; }

    /// <summary>What an operator may write in its place: other settings, subnets of twice and of half the size, another network.</summary>
    public IReadOnlyList<string> OtherConfigs { get; }

    /// <summary>Every subnet that can be leased.</summary>
    public IReadOnlyList<IPNetwork> Pool { get; }

    public WriteRules Writes { get; }

    /// <summary>Whether a config that may have stood in etcd leases a subnet.</summary>
    public bool IsLeased(IPNetwork subnet) => Config.Fits(subnet) || _others.Any(config => config.Fits(subnet));

    /// <summary>The mistake that is put into every agent.</summary>
    public PlantedBug Bug => _bug;

    /// <summary>A generator of its own for one part of the world.</summary>
    public Random NewRandom() => new(_seeds.Next());

    /// <summary>The store as an agent gets it: with the planted bug, if there is one.</summary>
    public ILeaseStore Sabotage(ILeaseStore store) => _bug == PlantedBug.None ? store : new Saboteur(store, _bug, Timing.Ttl);
}
