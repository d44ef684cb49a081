using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Following;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Watching;

/// <summary>
/// Waits for ever for a valid network config and then publishes each valid one that differs. One that is bad, or a deletion, leaves the last
/// good one in force. Says why it waits: once per reason, and once a minute.
/// </summary>
public sealed class NetworkConfigWatcher
{
    private static readonly TimeSpan ReminderEvery = TimeSpan.FromMinutes(1);

    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly KeyFollower _follower;
    private readonly Channel<NetworkConfig> _configs =
        Channel.CreateBounded<NetworkConfig>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    private string? _problem = "the network config has not been read yet";

    /// <summary>Creates a watcher; nothing happens before <see cref="RunAsync"/>.</summary>
    /// <param name="store">The store.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">For what the config says, and why there is none.</param>
    /// <param name="random">Spreads the retries; shared randomness by default.</param>
    /// <param name="nodes">How many nodes follow it, as far as is known: what they all read anew, they read over a time that grows with it.</param>
    public NetworkConfigWatcher(
        ILeaseStore store, TimeProvider time, ILogger<NetworkConfigWatcher> log, Random? random = null, Func<int>? nodes = null)
    {
        _time = time;
        _log = log;
        _follower = new KeyFollower(store, StorePaths.Config, time, log, random, LogLevel.Debug, nodes: nodes); // the watcher of all leases warns of the same
    }

    /// <summary>The newest valid config not yet read. The first is the first one found; each later one differs from the one before it.</summary>
    public ChannelReader<NetworkConfig> Configs => _configs.Reader;

    /// <summary>The config in force; null until a valid one has been found.</summary>
    public NetworkConfig? Current { get; private set; }

    /// <summary>What keeps the newest config from being known or used, in words; null when all is well.</summary>
    public string? WaitingFor => _follower.WaitingFor ?? _problem;

    /// <summary>Ends when etcd has failed to answer for the first time.</summary>
    public Task FirstFailure => _follower.FirstFailure;

    /// <summary>Follows the config until cancelled. Call once.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using ITimer reminder = _time.CreateTimer(_ => Remind(), null, ReminderEvery, ReminderEvery);
        await foreach (FollowUpdate update in _follower.FollowAsync(cancellationToken).ConfigureAwait(false))
        {
            if (update.Kind is FollowKind.Snapshot or FollowKind.RewoundSnapshot)
                Take(update.Records.Count > 0 ? update.Records[0] : null);
            else if (update.Records.Count > 0)
                Take(update.Records[^1]);
        }
    }

    private void Take(StoreRecord? record)
    {
        string? problem = "there is no network config in etcd";
        NetworkConfig? config = record is null || record.IsDeleted ? null : NetworkConfig.TryParse(record.Value.Span, out problem);
        Report(problem);
        if (config is not null && config != Current)
            Adopt(config);
    }

    private void Report(string? problem)
    {
        bool isNew = problem != _problem;
        _problem = problem;
        if (problem is null || !isNew)
            return;
        if (Current is null)
            _log.ConfigAwaited(problem);
        else
            _log.ConfigKept(problem);
    }

    private void Adopt(NetworkConfig config)
    {
        BackendConfig backend = config.Backend;
        if (Current is null)
            _log.ConfigRead(config.Network, config.SubnetLength, config.SubnetMin, config.SubnetMax, backend.Type, backend.Vni, backend.Port);
        else
            _log.ConfigChanged(config.Network, config.SubnetLength, config.SubnetMin, config.SubnetMax, backend.Type, backend.Vni, backend.Port);
        if (backend.TypeWasMissing)
            _log.BackendTypeMissing();
        if (backend.DirectRouting)
            _log.DirectRoutingIgnored();
        Current = config;
        _configs.Writer.TryWrite(config);
    }

    private void Remind()
    {
        if (Current is null && _problem is string problem && _follower.WaitingFor is null)
            _log.ConfigAwaited(problem);
    }
}
