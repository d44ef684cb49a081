using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Allocation;

/// <summary>Keeps the subnet.</summary>
public sealed class LeaseKeeper(
    ILeaseStore store, LeaseAcquirer acquirer, NetworkConfig config, OwnLease acquired, LeaseTiming timing, TimeProvider time, ILogger<LeaseKeeper> log)
{
    private readonly Channel<LeaseHappening> _happenings = Channel.CreateUnbounded<LeaseHappening>();

    /// <summary>What happens to the lease, one reader.</summary>
    public ChannelReader<LeaseHappening> Happenings => _happenings.Reader;

    /// <summary>The lease now.</summary>
    public OwnLease Lease { get; private set; } = acquired;

    /// <summary>Runs until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken) =>
        throw new NotImplementedException($"{store} {acquirer} {config} {timing} {time} {log}");
}
