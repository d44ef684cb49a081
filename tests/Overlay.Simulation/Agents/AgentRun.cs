using System.Net;
using Overlay.Simulation.Network;
using Overlay.Simulation.Rules;
using Overlay.Simulation.Time;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Watching;

namespace Overlay.Simulation.Agents;

/// <summary>
/// One process of an agent: the production classes of Overlay.Subnet put together as the daemon does, its start from a cache included. Channels are
/// polled after each step, since a reader that waits on one would be woken on another thread.
/// </summary>
public sealed class AgentRun : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500); // as StartDecision.Patience

    private readonly SimAgent _agent;
    private readonly World _world;
    private readonly Random _random;
    private readonly ILeaseStore _store;
    private readonly NotedReads _ownReads;
    private readonly LeaseAcquirer _acquirer;
    private readonly NetworkConfigWatcher _configs;
    private readonly AgentMemory _memory;
    private readonly List<LeaseAttributes> _names;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly TableRules _tables;
    private SavedAnswers? _cache; // null once decided
    private bool _isOutOfPatience;
    private Task<OwnLease>? _acquiring;
    private LeaseKeeper? _keeper;
    private NetworkConfig? _config;
    private bool _lost;

    public AgentRun(SimAgent agent, World world, SimProcess process)
    {
        (_agent, _world, Process) = (agent, world, process);
        _names = [agent.Wanted];
        _random = world.NewRandom();
        _store = world.Sabotage(new SimStore(agent, process, world.Etcd, _names));
        _memory = new AgentMemory(agent, process);
        _cache = agent.Disk.AnswersFor(agent.PublicIP);
        _configs = new NetworkConfigWatcher(_store, process, Log<NetworkConfigWatcher>(), _random);
        Watcher = new LeaseWatcher(
            _store, agent.PublicIP, process, Microsoft.Extensions.Logging.Abstractions.NullLogger<LeaseWatcher>.Instance, _random, _cache?.Leases);
        _ownReads = new NotedReads(_store, agent, this, world.Bug);
        _acquirer = new LeaseAcquirer(_ownReads, world.Timing, process, Log<LeaseAcquirer>(), _random);
        _tables = new TableRules(agent, process, world, _cache);
    }

    public SimProcess Process { get; }

    /// <summary>All that this process has called its node: with every address that the node has had since the process began, the newest last.</summary>
    public IReadOnlyList<LeaseAttributes> Names => _names;

    /// <summary>The network config it works with until it ends; null before it has one.</summary>
    public NetworkConfig? Config => _config;

    /// <summary>The lease in use; null before there is one and after it was lost.</summary>
    public OwnLease? Belief => _lost ? null : _keeper?.Lease;

    /// <summary>The subnet this process had last, in use or lost.</summary>
    public OwnLease? LastHeld => _keeper?.Lease;

    /// <summary>The peers' leases.</summary>
    public LeaseWatcher Watcher { get; }

    /// <summary>Why no subnet has been got, in words.</summary>
    public string? WaitingFor => _acquirer.WaitingFor ?? _configs.WaitingFor;

    /// <summary>It was started in this very step.</summary>
    public bool IsFresh { get; private set; } = true;

    /// <summary>All it did has ended.</summary>
    public bool HasEnded => _running.TrueForAll(task => task.IsCompleted) && _acquiring is null or { IsCompleted: true };

    public void Start()
    {
        _running.Add(_configs.RunAsync(_stop.Token));
        _running.Add(Watcher.RunAsync(_stop.Token));
        if (_cache is not null)
            _world.Clock.After(Patience, Process, () => _isOutOfPatience = true);
    }

    /// <summary>Hears that the node has another address now.</summary>
    public void Readdress(IPAddress publicIP)
    {
        _names.RemoveAll(name => name == _agent.Wanted);
        _names.Add(_agent.Wanted);
        _keeper?.Republish(publicIP);
    }

    /// <summary>Asks it to end, as SIGTERM does; the process is gone once its tasks have ended.</summary>
    public void Stop()
    {
        _stop.Cancel();
        _memory.Save();
    }

    /// <summary>Kills the process: nothing of it runs any more, and its connections break.</summary>
    public void Dispose()
    {
        Process.Kill();
        _stop.Dispose();
        foreach (Etcd.SimWatch watch in _agent.Link.Watches.ToArray())
            watch.Dispose();
    }

    /// <summary>Takes notice of what the step has brought about.</summary>
    public void Poll()
    {
        IsFresh = false;
        if (_running.Find(task => task.IsCompleted) is Task ended && !_stop.IsCancellationRequested)
        {
            if (ended.Exception?.InnerException is not DuplicatePublicIpException duplicate)
                throw new ViolationException(ViolationKind.Crash, $"{_agent.Name}: a task ended: {ended.Exception?.InnerException}");
            Refuse(duplicate);
            return;
        }
        if (_cache is not null && !Decided(_cache))
            return;
        while (_configs.Configs.TryRead(out NetworkConfig? config))
        {
            _config ??= config;
            _memory.Take(config);
        }
        if (_config is not null && _keeper is null)
            _acquiring ??= _acquirer.AcquireAsync(_config, _names[0], Hints(), _stop.Token);
        if (_keeper is null && _acquiring is { IsCompleted: true } && !Acquired(_acquiring))
            return;
        while (_keeper is not null && _keeper.Happenings.TryRead(out LeaseHappening? happening))
            Take(happening);
        _tables.Sight(Watcher.WaitingFor is null);
        while (Watcher.Tables.TryRead(out LeaseTable? table))
        {
            _tables.Check(table);
            _memory.Take(table, _tables.Branch);
            if (_keeper is not null)
                _memory.Open();
        }
    }

    // The daemon's StartDecision: etcd's own answers if they come at once, else the last ones.
    private bool Decided(SavedAnswers cache)
    {
        bool isAnswered = _configs.Configs.TryPeek(out _) && Watcher.Tables.TryPeek(out _);
        if (!isAnswered && !_isOutOfPatience && !_configs.FirstFailure.IsCompleted && !Watcher.FirstFailure.IsCompleted)
            return false;
        _cache = null;
        if (isAnswered)
            return true;
        SavedLease lease = _agent.Disk.Lease!;
        if (_agent.Trace.IsOn)
            _agent.Trace.Line(_agent.Name, $"starts from its cache: {lease.Subnet} under lease {lease.EtcdLeaseId}, table of revision {cache.Leases.Revision}");
        _world.Counts.Add(Fault.CachedStart);
        _config = cache.Config;
        _world.Writes.ExcuseForgotten(this, StorePaths.Subnet(SubnetKey.For(lease.Subnet)));
        Keep(new OwnLease(SubnetKey.For(lease.Subnet), _names[0], lease.EtcdLeaseId, ModRevision: 0), lease.Expires - Process.GetUtcNow());
        _memory.Open();
        return true;
    }

    private List<IPNetwork> Hints()
    {
        IPNetwork?[] hints = [_agent.Disk.Subnet, _agent.Disk.Lease?.Subnet];
        return [.. hints.OfType<IPNetwork>().Distinct()];
    }

    private bool Acquired(Task<OwnLease> acquiring)
    {
        if (acquiring.Exception?.InnerException is DuplicatePublicIpException duplicate)
        {
            Refuse(duplicate);
            return false;
        }
        if (!acquiring.IsCompletedSuccessfully)
        {
            return _stop.IsCancellationRequested
                ? false : throw new ViolationException(ViolationKind.Crash, $"{_agent.Name}: acquiring failed: {acquiring.Exception?.InnerException}");
        }
        _world.Writes.CheckClaim(_agent, acquiring.Result);
        Keep(acquiring.Result, null);
        return true;
    }

    // Its supervisor starts it again.
    private void Refuse(DuplicatePublicIpException duplicate)
    {
        if (_agent.Trace.IsOn)
            _agent.Trace.Line(_agent.Name, $"exits: {duplicate.Message}");
        _agent.Crash(TimeSpan.FromSeconds(10), installedAnew: false);
    }

    private void Keep(OwnLease lease, TimeSpan? remaining)
    {
        _agent.Announce(lease.Subnet);
        _memory.Take(lease, remaining is null ? _world.Timing.Ttl : null);
        if (Watcher.Current.Revision > 0)
            _memory.Open();
        _keeper = new LeaseKeeper(_ownReads, _acquirer, _config!, lease, _world.Timing, Process, Log<LeaseKeeper>(), _random, remaining);
        _running.Add(_keeper.RunAsync(_stop.Token));
        if (_names.Count > 1)
            _keeper.Republish(_names[^1].PublicIP); // the address has changed meanwhile
    }

    private void Take(LeaseHappening happening)
    {
        switch (happening)
        {
            case LeaseHappening.Lost:
                _lost = true;
                _agent.ForgetWhatItWasTold();
                break;
            case LeaseHappening.Moved moved:
                _world.Writes.CheckClaim(_agent, moved.New);
                _lost = false;
                _agent.ForgetWhatItWasTold();
                _agent.Announce(moved.New.Subnet);
                _memory.Take(moved.New, null);
                break;
            case LeaseHappening.Recreated recreated:
                _world.Writes.CheckClaim(_agent, recreated.Lease);
                _memory.Take(recreated.Lease, null);
                break;
            case LeaseHappening.Renewed renewed:
                _memory.Take(renewed.Lease, renewed.Ttl);
                break;
        }
        if (_agent.Trace.IsOn)
            _agent.Trace.Line(_agent.Name, $"({happening.GetType().Name}, {(_lost ? "no subnet" : _keeper!.Lease.Key.Name)})");
    }

    private TraceLog<T> Log<T>() => new(_agent);
}
