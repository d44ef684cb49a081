using Overlay.Simulation.Agents;

namespace Overlay.Simulation.Faults;

/// <summary>Draws what goes wrong and when, and puts it right again.</summary>
public sealed class Chaos
{
    private readonly World _world;
    private readonly Random _random;
    private readonly EtcdFaults _etcd;
    private readonly KeyFaults _keys;
    private readonly NodeFaults _nodes;
    private readonly double _meanGap;

    public Chaos(World world)
    {
        (_world, _random) = (world, world.Random);
        _etcd = new EtcdFaults(world);
        _keys = new KeyFaults(world);
        _nodes = new NodeFaults(world);
        _meanGap = 2 + 8 * _random.NextDouble();
        Ends = TimeSpan.FromSeconds(45 + _random.Next(120));
    }

    /// <summary>When the last fault is put in.</summary>
    public TimeSpan Ends { get; }

    public void Begin()
    {
        _keys.WriteConfig();
        foreach (SimAgent agent in _world.Agents)
            _world.Clock.After(TimeSpan.FromSeconds(_random.Next(3) == 0 ? 30 * _random.NextDouble() : 0.01 * _random.NextDouble()), null, agent.Start);
        PlanNext();
    }

    /// <summary>Nothing stands in the way any more, and nobody but the agents writes.</summary>
    public void Heal()
    {
        _world.Trace.Line("faults", "end here");
        _etcd.Heal();
        _nodes.Heal();
        _keys.WriteConfig();
        RestartForConfig();
    }

    // As STATUS asks for; a start from the cache is no help.
    private void RestartForConfig()
    {
        foreach (SimAgent agent in _world.Agents.Where(agent => agent.Run?.Config is { } config && config != _world.Config))
            agent.Crash(TimeSpan.FromSeconds(1), installedAnew: false);
        _world.Clock.After(TimeSpan.FromSeconds(20), null, RestartForConfig);
    }

    private void PlanNext() => _world.Clock.After(TimeSpan.FromSeconds(-_meanGap * Math.Log(1 - _random.NextDouble())), null, () =>
    {
        if (_world.Clock.Now >= Ends)
            return;
        One();
        PlanNext();
    });

    private void One()
    {
        int draw = _random.Next(100);
        if (draw < 40)
            _nodes.Draw();
        else if (draw < 60)
            _etcd.Draw();
        else
            _keys.Draw();
    }
}
