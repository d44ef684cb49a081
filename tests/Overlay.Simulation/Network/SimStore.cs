using System.Runtime.CompilerServices;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Simulation.Agents;
using Overlay.Simulation.Etcd;
using Overlay.Simulation.Time;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Network;

/// <summary>
/// The store as one process sees it: the production store over simulated messages, and watches as its contract has them. What the agent gets to
/// hear is noted on the way.
/// </summary>
public sealed class SimStore : ILeaseStore, IDisposable
{
    private const string Prefix = "/sim";

    private readonly SimAgent _agent;
    private readonly SimProcess _process;
    private readonly SimEtcd _etcd;
    private readonly EtcdLeaseStore _inner;
    private ulong _clusterId;

    /// <param name="agent">Whose store.</param>
    /// <param name="process">In which process.</param>
    /// <param name="etcd">What is stored in.</param>
    /// <param name="names">What the process calls its node; may grow.</param>
    public SimStore(SimAgent agent, SimProcess process, SimEtcd etcd, IReadOnlyList<LeaseAttributes> names)
    {
        (_agent, _process, _etcd) = (agent, process, etcd);
        var options = new EtcdOptions { Prefix = Prefix, RequestTimeout = SimLink.RequestTimeout };
        _inner = new EtcdLeaseStore(options, NullLogger<EtcdLeaseStore>.Instance, new SimInvoker(agent, process, etcd, names, Prefix));
    }

    /// <inheritdoc/>
    public async Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken)
    {
        StoreSnapshot snapshot = await _inner.ReadAsync(path, cancellationToken).ConfigureAwait(false);
        _clusterId = snapshot.ClusterId;
        Note($"reads {path} at revision {snapshot.Revision}: {snapshot.Records.Count} keys");
        if (!StorePaths.IsPrefix(path) && snapshot.Records.Count > 0)
            _agent.Hear(snapshot.Records[0]);
        return snapshot;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoreChanges> WatchAsync(string path, long fromRevision, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var watch = new SimWatch(_etcd, _agent.Link, _process, path, fromRevision);
        (ulong cluster, long revision) = await OpenAsync(watch, cancellationToken).ConfigureAwait(false);
        if (revision < fromRevision - 1 || (_clusterId != 0 && cluster != _clusterId))
            throw new StoreException(StoreFault.Rewound, $"revision {revision} of cluster {cluster} is not after {fromRevision - 1} of {_clusterId}");
        yield return new StoreChanges(0, [], cluster);
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(_ => watch.Cancel(cancellationToken), null);
        while (true)
        {
            StoreChanges changes = await watch.NextAsync().ConfigureAwait(false);
            Note($"sees {path} up to revision {changes.Revision}");
            if (!StorePaths.IsPrefix(path))
                _agent.Hear(changes.Records[^1]);
            yield return changes;
        }
    }

    /// <inheritdoc/>
    public async Task<WriteResult> PutAsync(
        string path, ReadOnlyMemory<byte> value, long etcdLeaseId, StoreRecord? expected, CancellationToken cancellationToken)
    {
        Note($"asks to write {path} over revision {expected?.ModRevision ?? 0} with lease {etcdLeaseId}");
        _agent.Tries(path);
        WriteResult result = await NotedAsync(_inner.PutAsync(path, value, etcdLeaseId, expected, cancellationToken)).ConfigureAwait(false);
        if (result.Current is not null)
            _agent.Hear(result.Current);
        return result;
    }

    /// <inheritdoc/>
    public Task<WriteResult> DeleteAsync(string path, StoreRecord expected, CancellationToken cancellationToken)
    {
        Note($"asks to delete {path} at revision {expected.ModRevision}");
        return NotedAsync(_inner.DeleteAsync(path, expected, cancellationToken));
    }

    /// <inheritdoc/>
    public Task<(long EtcdLeaseId, TimeSpan Ttl)> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken) =>
        NotedAsync(_inner.GrantAsync(ttl, cancellationToken));

    /// <inheritdoc/>
    public Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken) =>
        NotedAsync(_inner.KeepAliveAsync(etcdLeaseId, cancellationToken));

    public void Dispose() => _inner.Dispose();

    private async Task<(ulong ClusterId, long Revision)> OpenAsync(SimWatch watch, CancellationToken cancellationToken)
    {
        StoreException? refused = null;
        try
        {
            (ulong, long) head = await _agent.Link.CallAsync(_process, isWrite: false, late =>
            {
                if (late)
                    return default;
                try
                {
                    watch.Open();
                }
                catch (StoreException e)
                {
                    refused = e;
                }
                return (_etcd.State.ClusterId, _etcd.State.Revision);
            }, cancellationToken).ConfigureAwait(false);
            return refused is null ? head : throw refused;
        }
        catch (RpcException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new StoreException(e.StatusCode == StatusCode.DeadlineExceeded ? StoreFault.Timeout : StoreFault.Unreachable, "the watch was not opened", e);
        }
    }

    // Each method that an exception passes through costs: without a trace the call goes out as it is.
    private Task<T> NotedAsync<T>(Task<T> call) => _agent.Trace.IsOn ? TracedAsync(call) : call;

    private async Task<T> TracedAsync<T>(Task<T> call)
    {
        try
        {
            T answer = await call.ConfigureAwait(false);
            if (answer is WriteResult result)
                Note(result.Succeeded ? $"is told it stands at revision {result.Revision}" : $"is told no: there is {Describe.Record(result.Current)}");
            return answer;
        }
        catch (StoreException e)
        {
            Note($"is told {e.Fault}");
            throw;
        }
    }

    private void Note(string what)
    {
        _process.Clock.CheckThread();
        if (_agent.Trace.IsOn)
            _agent.Trace.Line(_agent.Name, what);
    }
}
