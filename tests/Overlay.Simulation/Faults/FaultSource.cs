using Overlay.Simulation.Agents;

namespace Overlay.Simulation.Faults;

/// <summary>What all kinds of faults need.</summary>
public abstract class FaultSource(World world)
{
    protected World World => world;

    protected Random Random => world.Random;

    protected SimAgent AnyAgent() => world.Agents[Random.Next(world.Agents.Count)];

    /// <summary>Counts and traces a fault.</summary>
    protected void Say(Fault fault, string what)
    {
        world.Counts.Add(fault);
        if (world.Trace.IsOn)
            world.Trace.Line("faults", $"{fault}: {what}");
    }

    /// <summary>Mostly short, now and then beyond the time to live of a lease.</summary>
    protected TimeSpan Duration() => TimeSpan.FromSeconds(Random.Next(3) == 0
        ? world.Timing.Ttl.TotalSeconds * (0.8 + 0.8 * Random.NextDouble()) : 0.1 + 12 * Random.NextDouble());

    protected void DisturbAll()
    {
        foreach (SimAgent agent in world.Agents)
            agent.Disturb();
    }
}
