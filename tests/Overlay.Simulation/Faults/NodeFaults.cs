using System.Net;
using Overlay.Simulation.Agents;
using Overlay.Simulation.Network;
using Overlay.Simulation.Rules;

namespace Overlay.Simulation.Faults;

/// <summary>Faults of one node: its link, its process, its machine.</summary>
public sealed class NodeFaults(World world) : FaultSource(world)
{
    public void Draw()
    {
        SimAgent agent = AnyAgent();
        switch (Random.Next(15))
        {
            case 0 or 1:
                Cut(agent, LinkState.BlackHole, Fault.LinkCut);
                break;
            case 2:
                Cut(agent, LinkState.Refusing, Fault.LinkRefused);
                break;
            case 3 or 4:
                Trouble(agent);
                break;
            case 5 or 6:
                agent.Link.WriteRepliesToLose = 1 + Random.Next(3);
                if (World.Trace.IsOn)
                    World.Trace.Line("faults", $"the answers to {agent.Link.WriteRepliesToLose} writes of {agent.Name} will be lost");
                break;
            case 7 or 8:
                Pause(agent);
                break;
            case 9 or 10:
                Crash(agent);
                break;
            case 11:
                int index = Random.Next(3);
                Say(Fault.Readdress, $"{agent.Name} gets its address {index}");
                agent.Readdress(index);
                break;
            case 12 when Other(agent) is { } other:
                Say(Fault.Namesake, $"{agent.Name} gets the address of {other.Name}");
                agent.Readdress(other.PublicIP);
                break;
            case 13 when Other(agent) is { } twin:
                InstallTwins(agent, twin);
                break;
            default:
                Stop(agent);
                break;
        }
        agent.Disturb();
    }

    public void Heal()
    {
        foreach (SimAgent agent in World.Agents)
        {
            agent.Link.Trouble = 0;
            agent.Link.WriteRepliesToLose = 0;
            agent.Link.NextWriteTakes = null;
            agent.Rival = null;
            agent.Link.Restore();
            if (agent.Run is { Process.IsPaused: true } run)
                run.Process.Continue(slept: false);
            agent.Disturb();
        }
    }

    private void Cut(SimAgent agent, LinkState how, Fault fault)
    {
        TimeSpan duration = Duration();
        Say(fault, $"{agent.Name} for {duration.TotalSeconds:0.0} s");
        agent.Link.Cut(how);
        World.Clock.After(duration, null, () =>
        {
            agent.Link.Restore();
            agent.Disturb();
        });
    }

    private void Trouble(SimAgent agent)
    {
        TimeSpan duration = Duration();
        agent.Link.Trouble = 0.1 + 0.7 * Random.NextDouble();
        Say(Fault.LinkTrouble, $"{agent.Name} loses or delays {agent.Link.Trouble:0.00} of its messages for {duration.TotalSeconds:0.0} s");
        World.Clock.After(duration, null, () =>
        {
            agent.Link.Trouble = 0;
            agent.Disturb();
        });
    }

    private void Pause(SimAgent agent)
    {
        if (agent.Run is not { Process.IsPaused: false } run)
            return;
        bool sleeps = Random.Next(2) == 0;
        TimeSpan duration = Duration();
        Say(sleeps ? Fault.Sleep : Fault.Pause, $"{agent.Name} for {duration.TotalSeconds:0.0} s");
        run.Process.Pause();
        World.Clock.After(duration, null, () =>
        {
            if (run.Process.IsPaused)
                run.Process.Continue(sleeps);
            agent.Disturb();
        });
    }

    private SimAgent? Other(SimAgent agent) => AnyAgent() is var other && other != agent ? other : null;

    // Two machines from one image, with one address that nobody had before, start at the same moment.
    private void InstallTwins(SimAgent one, SimAgent two)
    {
        TimeSpan away = TimeSpan.FromSeconds(Random.NextDouble());
        Say(Fault.NamesakesTogether, $"{one.Name} and {two.Name} come back after {away.TotalSeconds:0.0} s");
        foreach (SimAgent twin in new[] { one, two })
        {
            twin.Crash(away, installedAnew: true);
            twin.Readdress(IPAddress.Parse("192.168.200.1"));
        }
        two.Disturb();
    }

    private void Crash(SimAgent agent)
    {
        if (agent.Run is null)
            return;
        bool anew = Random.Next(4) == 0;
        TimeSpan away = Duration();
        Say(anew ? Fault.Reinstall : Fault.Crash, $"{agent.Name} comes back after {away.TotalSeconds:0.0} s");
        agent.Crash(away, anew);
    }

    private void Stop(SimAgent agent)
    {
        if (agent.Run is not { Process.IsPaused: false } run)
            return;
        TimeSpan away = Duration();
        Say(Fault.Stop, $"{agent.Name} is asked to end, comes back after {away.TotalSeconds:0.0} s");
        World.Clock.After(TimeSpan.Zero, run.Process, run.Stop);
        World.Clock.After(TimeSpan.FromSeconds(1), run.Process, () =>
        {
            if (!run.HasEnded)
                throw new ViolationException(ViolationKind.Crash, $"{agent.Name} did not end when asked to");
            agent.Crash(away, installedAnew: false);
        });
    }
}
