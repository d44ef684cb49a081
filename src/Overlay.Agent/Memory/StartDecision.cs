using Overlay.Agent.State;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Memory;

/// <summary>
/// Whether a start waits for etcd. Without a cache it does, for as long as it takes. With one it goes on at the first try that fails, and
/// after <see cref="Patience"/> at the latest: whatever keeps etcd from giving a network config and leases, the last ones are still good,
/// as they would be for an agent that had been running.
/// </summary>
/// <param name="Cache">What to start from; null for what etcd says.</param>
/// <param name="Why">Why it is the cache, in words; null when it is not.</param>
internal sealed record StartDecision(EtcdCache? Cache, string? Why)
{
    /// <summary>From what packets are forwarded, in words; null for what etcd says.</summary>
    public string? From => Cache is null ? null : $"forwarding from cache of {Cache.Saved:u}";

    /// <summary>Both in words; null when all is from etcd.</summary>
    public string? Stale => Cache is null ? null : $"{Why}, {From}";

    /// <summary>How long etcd may take to answer; the first packet is to be forwarded within a second (FAULTS R6).</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    /// <summary>Decides. Nothing has been written to etcd by then, so either way leads on from the same place.</summary>
    /// <param name="configs">Runs; nothing is taken from it here.</param>
    /// <param name="peers">Runs; nothing is taken from it here.</param>
    /// <param name="cache">What an earlier run saved, if it is of use to this one.</param>
    /// <param name="failure">Ends the waiting with an exception.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends the waiting.</param>
    public static async Task<StartDecision> MakeAsync(
        NetworkConfigWatcher configs, LeaseWatcher peers, EtcdCache? cache, Task failure, TimeProvider time, CancellationToken stop)
    {
        if (cache is null) return new StartDecision(null, null);
        DateTimeOffset asked = time.GetUtcNow();
        Task answers = Task.WhenAll(configs.Configs.WaitToReadAsync(stop).AsTask(), peers.Tables.WaitToReadAsync(stop).AsTask());
        Task first = await Task.WhenAny(answers, configs.FirstFailure, peers.FirstFailure, Task.Delay(Patience, time, stop), failure).ConfigureAwait(false);
        await first.ConfigureAwait(false);   // for the exceptions of a failure and of a stop
        if (answers.IsCompletedSuccessfully) return new StartDecision(null, null);
        bool failed = configs.FirstFailure.IsCompleted || peers.FirstFailure.IsCompleted;
        return new StartDecision(cache,
            peers.WaitingFor is null ? configs.WaitingFor ?? "no network config from etcd"
            : failed ? $"etcd unreachable since {asked:u}"
            : $"etcd has not answered within {Patience.TotalMilliseconds:0} ms");
    }
}
