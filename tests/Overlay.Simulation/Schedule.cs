using Overlay.Simulation.Agents;
using Overlay.Simulation.Faults;
using Overlay.Simulation.Rules;
using Overlay.Simulation.Time;

namespace Overlay.Simulation;

/// <summary>
/// One seed from beginning to end: the agents start, faults come for some minutes of simulated time, everything is healed, and all must come to
/// rest. The rules are checked after each step.
/// </summary>
public static class Schedule
{
    private const int MostSteps = 300_000;
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(2);

    /// <summary>Runs a seed, on this thread.</summary>
    /// <param name="seed">Decides everything.</param>
    /// <param name="options">What to simulate.</param>
    /// <param name="isTraced">Keeps a trace.</param>
    public static ScheduleResult Run(int seed, SimulationOptions options, bool isTraced = false)
    {
        var world = new World(seed, options, isTraced);
        int steps = 0;
        try
        {
            Play(world, ref steps);
            return new ScheduleResult(seed, null, "", steps, world.Counts, world.Trace.ToString());
        }
        catch (ViolationException e)
        {
            world.Trace.Line("RULE", $"{e.Kind}: {e.Message}");
            return new ScheduleResult(seed, e.Kind, e.Message, steps, world.Counts, world.Trace.ToString());
        }
    }

    private static void Play(World world, ref int steps)
    {
        var chaos = new Chaos(world);
        var ownership = new OwnershipRules(world);
        chaos.Begin();
        void CheckOwnership()
        {
            ownership.Check();
            world.Clock.After(CheckEvery, null, CheckOwnership);
        }
        world.Clock.After(CheckEvery, null, CheckOwnership);
        Until(world, chaos.Ends, ref steps);
        chaos.Heal();

        var settled = new SettledRules(world);
        TimeSpan latest = chaos.Ends + 3 * world.Timing.Ttl + TimeSpan.FromMinutes(3);
        string? problem = "nothing was checked";
        while (problem is not null && world.Clock.Now < latest)
        {
            Until(world, world.Clock.Now + TimeSpan.FromSeconds(5), ref steps);
            problem = settled.Problem();
        }
        if (problem is not null)
            throw new ViolationException(ViolationKind.NotSettled, problem);
        Until(world, world.Clock.Now + world.Timing.Ttl + OwnershipRules.HearingTime, ref steps); // for what runs out only now
    }

    private static void Until(World world, TimeSpan end, ref int steps)
    {
        while (world.Clock.Next(end) is SimEvent planned)
        {
            if (++steps > MostSteps)
                throw new ViolationException(ViolationKind.NotSettled, "the schedule does not end: somebody retries without a pause");
            planned.Run();
            world.Clock.CheckThread();
            foreach (SimAgent agent in world.Agents)
            {
                if (planned.Process is null ? agent.Run?.IsFresh == true : agent.Run?.Process == planned.Process)
                    agent.Run!.Poll();
            }
        }
    }
}
