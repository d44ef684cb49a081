using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Watching;

/// <summary>Follows the network config.</summary>
public sealed class NetworkConfigWatcher(ILeaseStore store, TimeProvider time, ILogger<NetworkConfigWatcher> log)
{
    private readonly Channel<NetworkConfig> _configs =
        Channel.CreateBounded<NetworkConfig>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleWriter = true });

    /// <summary>The newest valid config not yet read, only when it differs from the one before.</summary>
    public ChannelReader<NetworkConfig> Configs => _configs.Reader;

    /// <summary>What the watcher waits for, in words; null once a valid config has been read and the watch stands.</summary>
    public string? WaitingFor { get; private set; }

    /// <summary>Runs until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => throw new NotImplementedException($"{store} {time} {log}");
}
