using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Configuration;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Store;

namespace Overlay.Agent.Leases;

/// <summary>A verb's talk with etcd: one connection, no retries, and a failure is one line with advice and exit code 1.</summary>
internal static class EtcdSession
{
    /// <summary>Connects, does the work, and closes.</summary>
    /// <returns>What the work returns; 1 where etcd could not be asked or the operator broke off.</returns>
    public static async Task<int> RunAsync(EtcdSettings etcd, VerbConsole console, Func<EtcdLeaseStore, Task<int>> work, CancellationToken stop)
    {
        using EtcdLeaseStore store = new(etcd.ToOptions(), NullLogger<EtcdLeaseStore>.Instance);
        try
        {
            return await work(store).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            console.Complain(e.Message);
            if (e.Fault is StoreFault.Timeout) console.Complain("a write may or may not have happened; the same command again is safe and tells");
            return 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            console.Complain("broken off");
            return 1;
        }
    }
}
