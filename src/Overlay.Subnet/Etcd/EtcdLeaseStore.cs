using System.Runtime.CompilerServices;
using Etcdserverpb;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Mvccpb;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Etcd;

/// <summary>
/// The store on a real etcd (v3 API, 3.4 and later). Unary calls go through dotnet-etcd's client, streams through its raw stubs, since the
/// library's own watch and keep-alive loops lose events and die silently. Safe for concurrent use; opens nothing before the first call.
/// </summary>
public sealed partial class EtcdLeaseStore : ILeaseStore, IDisposable
{
    // Leases are under 250 bytes: a page stays below etcd's habitual 1.5 MiB, and 5,000 nodes fit into one.
    private const int PageSize = 6000;

    private readonly EtcdOptions _options;
    private readonly EtcdConnection _connection;

    /// <summary>Creates the store.</summary>
    /// <param name="options">Taken as they are: it is for the caller to refuse malformed endpoints and half a key pair, with the flag's name.</param>
    /// <param name="log">Where repairs of the connection are reported.</param>
    public EtcdLeaseStore(EtcdOptions options, ILogger<EtcdLeaseStore> log)
    {
        _options = options;
        _connection = new EtcdConnection(options, log);
    }

    /// <summary>Creates the store over other means of carrying calls than a network, for the simulation.</summary>
    internal EtcdLeaseStore(EtcdOptions options, ILogger<EtcdLeaseStore> log, CallInvoker invoker)
    {
        _options = options;
        _connection = new EtcdConnection(options, log, invoker);
    }

    /// <summary>
    /// Gives up every connection: for when this node's address has changed, by which they are dead without anybody having said so. Calls under
    /// way fail as they would without a server.
    /// </summary>
    public void Reconnect() => _connection.Reset();

    /// <inheritdoc/>
    public async Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken)
    {
        string action = $"read {_options.Prefix}/{path}";
        ulong cluster = 0;
        var records = new List<StoreRecord>();
        var request = new RangeRequest { Key = KeyOf(path), RangeEnd = RangeEndOf(path), Limit = PageSize };
        while (true)
        {
            RangeResponse page;
            try
            {
                page = await _connection.CallAsync(action, (client, deadline) =>
                    client.GetAsync(request, EtcdConnection.Headers(), deadline, cancellationToken), cancellationToken).ConfigureAwait(false);
            }
            catch (StoreException e) when (e.Fault == StoreFault.TooLarge && request.Limit > 1)
            {
                request.Limit /= 2; // somebody stored huge values next to the leases
                continue;
            }
            if (request.Revision == 0)
                (request.Revision, cluster) = (page.Header.Revision, page.Header.ClusterId); // every further page at the revision of the first
            if (page.Header.ClusterId != cluster)
                throw new StoreException(StoreFault.Rewound, $"cannot {action}: etcd became another cluster in the middle of it: wiped, or restored from a backup?");
            foreach (KeyValue kv in page.Kvs)
                records.Add(RecordOf(kv, isDeleted: false));
            if (!page.More || page.Kvs.Count == 0)
            {
                _connection.ClusterId = cluster;
                return new StoreSnapshot(cluster, request.Revision, records);
            }
            request.Key = After(page.Kvs[^1].Key);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoreChanges> WatchAsync(
        string path, long fromRevision, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var create = new WatchCreateRequest { Key = KeyOf(path), RangeEnd = RangeEndOf(path), StartRevision = fromRevision };
        using var watch = new EtcdWatch(_connection, create, _options.RequestTimeout, $"watch {_options.Prefix}/{path}");
        while (true)
        {
            WatchResponse response = await watch.NextAsync(cancellationToken).ConfigureAwait(false);
            yield return new StoreChanges(
                response.Events.Count == 0 ? 0 : response.Events[^1].Kv.ModRevision,
                [.. response.Events.Select(e => RecordOf(e.Kv, e.Type == Event.Types.EventType.Delete))],
                response.Events.Count == 0 ? response.Header.ClusterId : 0);
        }
    }

    /// <inheritdoc/>
    public async Task<WriteResult> PutAsync(
        string path, ReadOnlyMemory<byte> value, long etcdLeaseId, StoreRecord? expected, CancellationToken cancellationToken)
    {
        ByteString bytes = ByteString.CopyFrom(value.Span);
        var put = new RequestOp { RequestPut = new PutRequest { Key = KeyOf(path), Value = bytes, Lease = etcdLeaseId } };
        WriteResult result = await SwapAsync(path, expected, put, cancellationToken).ConfigureAwait(false);

        // A try whose answer was lost may have succeeded; then the comparison of this one fails on our own write.
        if (!result.Succeeded && result.Current is StoreRecord current && current.EtcdLeaseId == etcdLeaseId && current.Value.Span.SequenceEqual(value.Span))
            return new WriteResult(true, current.ModRevision, null);
        return result;
    }

    /// <inheritdoc/>
    public async Task<WriteResult> DeleteAsync(string path, StoreRecord expected, CancellationToken cancellationToken)
    {
        var delete = new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = KeyOf(path) } };
        WriteResult result = await SwapAsync(path, expected, delete, cancellationToken).ConfigureAwait(false);
        return result.Current is null ? result with { Succeeded = true } : result;
    }

    /// <inheritdoc/>
    public async Task<(long EtcdLeaseId, TimeSpan Ttl)> GrantAsync(TimeSpan ttl, CancellationToken cancellationToken)
    {
        var request = new LeaseGrantRequest { TTL = Math.Max(1, (long)ttl.TotalSeconds) };
        LeaseGrantResponse response = await _connection.CallAsync("grant an etcd lease", (client, deadline) =>
            client.LeaseGrantAsync(request, EtcdConnection.Headers(), deadline, cancellationToken), cancellationToken).ConfigureAwait(false);
        return (response.ID, TimeSpan.FromSeconds(response.TTL));
    }

    /// <inheritdoc/>
    public Task<TimeSpan> KeepAliveAsync(long etcdLeaseId, CancellationToken cancellationToken) =>
        _connection.CallAsync("renew the etcd lease", async (client, deadline) =>
        {
            using AsyncDuplexStreamingCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> call =
                client.GetConnection().LeaseClient.LeaseKeepAlive(EtcdConnection.Headers(), deadline, cancellationToken);
            await call.RequestStream.WriteAsync(new LeaseKeepAliveRequest { ID = etcdLeaseId }, cancellationToken).ConfigureAwait(false);
            if (!await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false))
                throw new RpcException(new Status(StatusCode.Unavailable, "the server closed the stream"));
            return TimeSpan.FromSeconds(call.ResponseStream.Current.TTL);
        }, cancellationToken);

    /// <summary>Closes the connections; calls still running fail.</summary>
    public void Dispose() => _connection.Dispose();

    private async Task<WriteResult> SwapAsync(string path, StoreRecord? expected, RequestOp operation, CancellationToken cancellationToken)
    {
        var request = new TxnRequest
        {
            Compare = { Comparisons(KeyOf(path), expected) },
            Success = { operation },
            Failure = { new RequestOp { RequestRange = new RangeRequest { Key = KeyOf(path) } } },
        };
        TxnResponse response = await _connection.CallAsync($"write {_options.Prefix}/{path}", (client, deadline) =>
            client.TransactionAsync(request, EtcdConnection.Headers(), deadline, cancellationToken), cancellationToken, isWrite: true).ConfigureAwait(false);
        KeyValue? current = response.Succeeded ? null : response.Responses[0].ResponseRange.Kvs.FirstOrDefault();
        return new WriteResult(response.Succeeded, response.Header.Revision, current is null ? null : RecordOf(current, isDeleted: false));
    }

    private static IEnumerable<Compare> Comparisons(ByteString key, StoreRecord? expected)
    {
        yield return new Compare { Key = key, Target = Compare.Types.CompareTarget.Mod, ModRevision = expected?.ModRevision ?? 0 };
        if (expected is { IsWhole: true })
        {
            yield return new Compare { Key = key, Target = Compare.Types.CompareTarget.Value, Value = ByteString.CopyFrom(expected.Value.Span) };
        }
        else if (expected is not null)
        {
            yield return new Compare { Key = key, Target = Compare.Types.CompareTarget.Create, CreateRevision = expected.CreateRevision };
            yield return new Compare { Key = key, Target = Compare.Types.CompareTarget.Lease, Lease = expected.EtcdLeaseId };
        }
    }

    private ByteString KeyOf(string path) => ByteString.CopyFromUtf8($"{_options.Prefix}/{path}");

    // The end of the range of all keys that start with the prefix: its last byte, a slash, plus one.
    private ByteString RangeEndOf(string path)
    {
        if (!StorePaths.IsPrefix(path))
            return ByteString.Empty;
        byte[] end = KeyOf(path).ToByteArray();
        end[^1]++;
        return UnsafeByteOperations.UnsafeWrap(end);
    }

    private static ByteString After(ByteString key) => ByteString.CopyFrom([.. key.Span, 0]);

    private StoreRecord RecordOf(KeyValue kv, bool isDeleted)
    {
        string path = kv.Key.ToStringUtf8();
        path = path.StartsWith(_options.Prefix + "/", StringComparison.Ordinal) ? path[(_options.Prefix.Length + 1)..] : path;
        if (path.Length > StoreRecord.MaxPathLength)
            path = path[..StoreRecord.MaxPathLength];
        ReadOnlyMemory<byte> value = kv.Value.Length > StoreRecord.MaxValueLength
            ? kv.Value.Span[..(StoreRecord.MaxValueLength + 1)].ToArray() : kv.Value.Memory;
        return new StoreRecord(path, value, kv.Lease, kv.CreateRevision, kv.ModRevision, isDeleted);
    }
}
