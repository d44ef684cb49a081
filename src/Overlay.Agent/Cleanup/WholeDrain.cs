using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.State;

namespace Overlay.Agent.Cleanup;

/// <summary>
/// <c>leases release --drain</c>: takes this node out of the network in one go. Stops its agent, releases what it leases, and cleans this host up;
/// each step only after the one before.
/// </summary>
/// <param name="Request">What to clean up, and whether only to say so.</param>
/// <param name="Look">Reads from etcd, so that an agent is not stopped in vain; says why where that fails.</param>
/// <param name="Release">Releases, without asking: leave is given here, for all three.</param>
/// <param name="Yes">Leave was given on the command line.</param>
/// <param name="Time">The clock.</param>
internal sealed record WholeDrain(
    CleanupRequest Request, Func<VerbConsole, CancellationToken, Task<int>> Look, Func<VerbConsole, CancellationToken, Task<int>> Release, bool Yes, TimeProvider Time)
{
    /// <summary>Drains.</summary>
    public async Task<int> RunAsync(VerbConsole console, CancellationToken stop)
    {
        if (await Look(console, stop).ConfigureAwait(false) is not 0 and int failed) return failed;
        RunningAgent? agent = RunningAgent.Find(Request.StateDirectory);
        string subnet = new StateFile(Request.StateDirectory).Load().State?.Subnet?.ToString() ?? "what this node leases";
        if (Request.DryRun && agent is not null)
        {
            console.Out.WriteLine($"would stop {agent}, release {subnet}, and clean up as overlay-agent cleanup does");
            return 0;
        }
        string what = $"{(agent is null ? "" : $"stop {agent}, ")}release {subnet} and clean up";
        if (!Request.DryRun && !await console.MayAsync(what, Yes, stop).ConfigureAwait(false)) return 1;
        if (agent is not null && await agent.StopAsync(Request.StateDirectory, Time, stop).ConfigureAwait(false) is { } problem)
        {
            console.Complain($"{agent} was not stopped, and nothing else was done: {problem}");
            return 1;
        }
        if (agent is not null) console.Out.WriteLine($"stopped {agent}");
        int released = await Release(console, stop).ConfigureAwait(false);
        return released != 0 ? released : await new Cleaner(Request, console, Time).RunAsync(stop).ConfigureAwait(false);
    }
}
