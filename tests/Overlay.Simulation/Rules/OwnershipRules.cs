using System.Net;
using Overlay.Simulation.Agents;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Rules;

/// <summary>
/// What agents believe, against what etcd holds. An agent cut off cannot know that its lease has gone to another, so the rule is: one that has been
/// told stops, and one with clear sight of etcd has been told.
/// </summary>
public sealed class OwnershipRules(World world)
{
    /// <summary>What an agent may take to act on what it can see.</summary>
    public static readonly TimeSpan HearingTime = TimeSpan.FromSeconds(20); // a call already under way, a back-off, a second reading after a restore
    private static readonly TimeSpan SightTime = TimeSpan.FromSeconds(45);   // and a silent watch

    private readonly Dictionary<SimAgent, (string Path, ViolationKind How, TimeSpan Since)> _wrong = [];

    public void Check()
    {
        foreach (SimAgent agent in world.Agents)
        {
            if (!agent.IsClean)
                agent.Disturb();
            if (agent.Belief is { } belief)
                Check(agent, belief);
            else
                _wrong.Remove(agent);
        }
    }

    private void Check(SimAgent agent, OwnLease belief)
    {
        TimeSpan now = world.Clock.Now;
        if (agent.ToldSince is { } told && now - Later(told, agent.CleanSince) > HearingTime)
            throw new ViolationException(ViolationKind.DeafToLoss, $"{agent.Name} was told at {told.TotalSeconds:0.0} s that {belief.Key} is another's, and uses it still");
        string path = StorePaths.Subnet(belief.Key);
        StoreRecord? stands = world.Etcd.Get(path);
        if (stands is null && IsTakenAway(belief.Subnet))
            agent.Disturb(); // it must not write the key again, and goes on until it is restarted
        if (Wrong(agent, stands) is not { } how)
        {
            _wrong.Remove(agent);
            return;
        }
        if (!_wrong.TryGetValue(agent, out (string Path, ViolationKind How, TimeSpan Since) wrong) || wrong.Path != path || wrong.How != how)
            _wrong[agent] = wrong = (path, how, now);
        if (now - Later(wrong.Since, agent.CleanSince) > SightTime)
            throw new ViolationException(how, $"{agent.Name} uses {belief.Key}, which has been {Etcd.Describe.Record(stands)} since {wrong.Since.TotalSeconds:0.0} s");
    }

    private static ViolationKind? Wrong(SimAgent agent, StoreRecord? stands) =>
        stands is null ? ViolationKind.PhantomLease
        : KeyRules.IsAnothers(stands, agent.Run!.Names) ? ViolationKind.TwoOwners
        : stands.Value.Span.SequenceEqual(agent.Wanted.ToJson()) ? null : ViolationKind.StaleKey;

    private bool IsTakenAway(IPNetwork subnet)
    {
        try
        {
            return world.Etcd.Get(StorePaths.Config) is { } record && !NetworkConfig.Parse(record.Value.Span).Network.Contains(subnet.BaseAddress);
        }
        catch (NetworkConfigException)
        {
            return false;
        }
    }

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
