using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Allocation;

/// <summary>Gets this node a subnet.</summary>
public sealed class LeaseAcquirer(ILeaseStore store, LeaseTiming timing, TimeProvider time, ILogger<LeaseAcquirer> log, Random? random = null)
{
    /// <summary>What the acquirer waits for, in words; null when it does not wait.</summary>
    public string? WaitingFor { get; private set; }

    /// <summary>Acquires.</summary>
    public Task<OwnLease> AcquireAsync(
        NetworkConfig config, LeaseAttributes wanted, IReadOnlyList<IPNetwork> previous, CancellationToken cancellationToken) =>
        throw new NotImplementedException($"{store} {timing} {time} {log} {random}");
}
