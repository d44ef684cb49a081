using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Watching;

/// <summary>Follows all leases.</summary>
public sealed class LeaseWatcher(ILeaseStore store, IPAddress ownPublicIP, TimeProvider time, ILogger<LeaseWatcher> log)
{
    private readonly Channel<LeaseTable> _tables =
        Channel.CreateBounded<LeaseTable>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleWriter = true });

    /// <summary>The newest table not yet read; older ones are dropped. The first one is the first full snapshot.</summary>
    public ChannelReader<LeaseTable> Tables => _tables.Reader;

    /// <summary>What the watcher waits for, in words; null while the watch stands.</summary>
    public string? WaitingFor { get; private set; }

    /// <summary>Runs until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => throw new NotImplementedException($"{store} {ownPublicIP} {time} {log}");
}
