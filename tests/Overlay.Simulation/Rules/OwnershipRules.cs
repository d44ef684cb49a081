using Overlay.Simulation.Agents;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Rules;

/// <summary>
/// What agents believe, against what etcd holds. An agent cut off cannot know that its lease has gone to another, so the rule is: one that has been
/// told stops, and one with clear sight of etcd has been told.
/// </summary>
public sealed class OwnershipRules(World world)
{
    private static readonly TimeSpan HearingTime = TimeSpan.FromSeconds(20); // a call already under way, a back-off, a second reading after a restore
    private static readonly TimeSpan SightTime = TimeSpan.FromSeconds(45);   // and a silent watch

    private readonly Dictionary<SimAgent, (string Path, bool IsForeign, TimeSpan Since)> _wrong = [];

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
        bool isForeign = KeyRules.IsAnothers(stands, agent.Wanted);
        if (stands is not null && !isForeign)
        {
            _wrong.Remove(agent);
            return;
        }
        if (!_wrong.TryGetValue(agent, out (string Path, bool IsForeign, TimeSpan Since) wrong) || wrong.Path != path || wrong.IsForeign != isForeign)
            _wrong[agent] = wrong = (path, isForeign, now);
        if (now - Later(wrong.Since, agent.CleanSince) <= SightTime)
            return;
        throw isForeign
            ? new ViolationException(ViolationKind.TwoOwners, $"{agent.Name} uses {belief.Key}, which has been {Etcd.Describe.Record(stands)} since {wrong.Since.TotalSeconds:0.0} s")
            : new ViolationException(ViolationKind.PhantomLease, $"{agent.Name} believes to hold {belief.Key}, which has been absent since {wrong.Since.TotalSeconds:0.0} s");
    }

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
