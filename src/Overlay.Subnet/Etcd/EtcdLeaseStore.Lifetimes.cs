using Etcdserverpb;
using Overlay.Subnet.Store;
using Overlay.Subnet.Survey;

namespace Overlay.Subnet.Etcd;

/// <content>What operators' verbs ask of etcd leases and the daemon never does: how long one lives yet, and an end before its time.</content>
public sealed partial class EtcdLeaseStore
{
    /// <summary>Asks how long an etcd lease lives yet.</summary>
    /// <param name="etcdLeaseId">Its id, not 0.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null when the etcd lease does not exist (any more).</returns>
    /// <exception cref="StoreException">etcd cannot be asked.</exception>
    public Task<EtcdLeaseLife?> LifeAsync(long etcdLeaseId, CancellationToken cancellationToken) =>
        _connection.CallAsync("read an etcd lease", async (client, deadline) =>
        {
            LeaseTimeToLiveRequest request = new() { ID = etcdLeaseId, Keys = true };
            LeaseTimeToLiveResponse life = await client.GetConnection().LeaseClient
                .LeaseTimeToLiveAsync(request, EtcdConnection.Headers(), deadline, cancellationToken).ConfigureAwait(false);
            return life.TTL < 0 ? null : new EtcdLeaseLife(TimeSpan.FromSeconds(life.TTL), TimeSpan.FromSeconds(life.GrantedTTL), life.Keys.Count);
        }, cancellationToken);

    /// <summary>
    /// Ends an etcd lease and deletes every key attached to it, whoever wrote them: only for one that is known to be nobody else's.
    /// One that does not exist (any more) counts as ended.
    /// </summary>
    /// <exception cref="StoreException">etcd cannot be asked.</exception>
    public async Task RevokeAsync(long etcdLeaseId, CancellationToken cancellationToken)
    {
        try
        {
            await _connection.CallAsync("revoke an etcd lease", async (client, deadline) => await client.GetConnection().LeaseClient
                .LeaseRevokeAsync(new LeaseRevokeRequest { ID = etcdLeaseId }, EtcdConnection.Headers(), deadline, cancellationToken).ConfigureAwait(false),
                cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Fault == StoreFault.LeaseNotFound)
        {
            // Somebody was quicker, or it ran out.
        }
    }
}
