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
/// One process of an agent: the production classes of Overlay.Subnet put together as the daemon does. Channels are polled after each step, since a
/// reader that waits on one would be woken on another thread.
/// </summary>
public sealed class AgentRun : IDisposable
{
    private readonly SimAgent _agent;
    private readonly World _world;
    private readonly Random _random;
    private readonly ILeaseStore _store;
    private readonly LeaseAcquirer _acquirer;
    private readonly NetworkConfigWatcher _configs;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly TableRules _tables;
    private Task<OwnLease>? _acquiring;
    private LeaseKeeper? _keeper;
    private LeaseWatcher? _watcher;
    private NetworkConfig? _config;
    private bool _lost;

    public AgentRun(SimAgent agent, World world, SimProcess process)
    {
        (_agent, _world, Process) = (agent, world, process);
        _random = world.NewRandom();
        _store = world.Sabotage(new SimStore(agent, process, world.Etcd));
        _configs = new NetworkConfigWatcher(_store, process, Log<NetworkConfigWatcher>(), _random);
        _acquirer = new LeaseAcquirer(new NotedReads(_store, agent), world.Timing, process, Log<LeaseAcquirer>(), _random);
        _tables = new TableRules(agent, process, world);
    }

    public SimProcess Process { get; }

    /// <summary>The lease in use; null before there is one and after it was lost.</summary>
    public OwnLease? Belief => _lost ? null : _keeper?.Lease;

    /// <summary>The subnet this process had last, in use or lost.</summary>
    public OwnLease? LastHeld => _keeper?.Lease;

    /// <summary>The table of the process, once it has one.</summary>
    public LeaseWatcher? Watcher => _watcher;

    /// <summary>Why no subnet has been got, in words.</summary>
    public string? WaitingFor => _acquirer.WaitingFor;

    /// <summary>It was started in this very step.</summary>
    public bool IsFresh { get; private set; } = true;

    /// <summary>All it did has ended.</summary>
    public bool HasEnded => _running.TrueForAll(task => task.IsCompleted) && _acquiring is null or { IsCompleted: true };

    public void Start() => _running.Add(_configs.RunAsync(_stop.Token));

    /// <summary>Asks it to end, as SIGTERM does; the process is gone once its tasks have ended.</summary>
    public void Stop() => _stop.Cancel();

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
            throw new ViolationException(ViolationKind.Crash, $"{_agent.Name}: a task ended: {ended.Exception?.InnerException}");
        if (_acquiring is null && _configs.Configs.TryRead(out _config))
            _acquiring = _acquirer.AcquireAsync(_config, _agent.Wanted, _agent.Disk.Subnet is { } subnet ? [subnet] : [], _stop.Token);
        if (_keeper is null && _acquiring is { IsCompleted: true } && !Acquired(_acquiring))
            return;
        while (_keeper is not null && _keeper.Happenings.TryRead(out LeaseHappening? happening))
            Take(happening);
        if (_watcher is not null)
            _tables.Sight(_watcher.WaitingFor is null);
        while (_watcher is not null && _watcher.Tables.TryRead(out LeaseTable? table))
            _tables.Check(table);
    }

    private bool Acquired(Task<OwnLease> acquiring)
    {
        if (acquiring.Exception?.InnerException is DuplicatePublicIpException duplicate)
        {
            if (_agent.Trace.IsOn)
                _agent.Trace.Line(_agent.Name, $"exits: {duplicate.Message}");
            _agent.Crash(TimeSpan.FromSeconds(10), installedAnew: false);
            return false;
        }
        if (!acquiring.IsCompletedSuccessfully)
        {
            return _stop.IsCancellationRequested
                ? false : throw new ViolationException(ViolationKind.Crash, $"{_agent.Name}: acquiring failed: {acquiring.Exception?.InnerException}");
        }
        _agent.Remember(acquiring.Result.Subnet);
        _keeper = new LeaseKeeper(_store, _acquirer, _config!, acquiring.Result, _world.Timing, Process, Log<LeaseKeeper>(), _random);
        _watcher = new LeaseWatcher(_store, _agent.PublicIP, Process, Microsoft.Extensions.Logging.Abstractions.NullLogger<LeaseWatcher>.Instance, _random);
        _running.Add(_keeper.RunAsync(_stop.Token));
        _running.Add(_watcher.RunAsync(_stop.Token));
        return true;
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
                _lost = false;
                _agent.ForgetWhatItWasTold();
                _agent.Remember(moved.New.Subnet);
                break;
        }
        if (_agent.Trace.IsOn)
            _agent.Trace.Line(_agent.Name, $"({happening.GetType().Name}, {(_lost ? "no subnet" : _keeper!.Lease.Key.Name)})");
    }

    private TraceLog<T> Log<T>() => new(_agent);
}
