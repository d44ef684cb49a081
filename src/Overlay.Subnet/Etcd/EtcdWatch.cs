using dotnet_etcd;
using Etcdserverpb;
using Grpc.Core;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Etcd;

/// <summary>
/// One watch on a stream of its own. Every end of it is an exception; nothing is resumed here. A half-open connection is found by the channel's
/// pings, a server that answers pings but not this stream by progress requests.
/// </summary>
internal sealed class EtcdWatch : IDisposable
{
    private static readonly TimeSpan ProbeEvery = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(11);

    private readonly EtcdConnection _connection;
    private readonly WatchCreateRequest _create;
    private readonly TimeSpan _openTimeout;
    private readonly string _action;
    private readonly CancellationTokenSource _stop = new();
    private EtcdMember? _member;
    private AsyncDuplexStreamingCall<WatchRequest, WatchResponse>? _call;
    private bool _stands;

    public EtcdWatch(EtcdConnection connection, WatchCreateRequest create, TimeSpan openTimeout, string action)
    {
        _connection = connection;
        _create = create;
        _openTimeout = openTimeout;
        _action = action;
    }

    /// <summary>The acknowledgement (without events) on the first call, then each response that holds events.</summary>
    public async Task<WatchResponse> NextAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.Register(_stop.Cancel);
        try
        {
            if (_call is null)
            {
                _stop.CancelAfter(_openTimeout);
                (_member, EtcdClient client) = _connection.Current;
                _call = client.GetConnection().WatchClient.Watch(EtcdConnection.Headers(), cancellationToken: _stop.Token);
                await _call.RequestStream.WriteAsync(new WatchRequest { CreateRequest = _create }, _stop.Token).ConfigureAwait(false);
            }
            while (true)
            {
                WatchResponse response = await ReadAsync(_call).ConfigureAwait(false);
                if (response.CompactRevision > 0)
                    throw new StoreException(StoreFault.Compacted, $"cannot {_action}: revision {_create.StartRevision} has been compacted");
                if (response.Canceled)
                    throw new RpcException(new Status(StatusCode.Unknown, response.CancelReason)); // also comes together with Created
                if (response.Created)
                {
                    _member!.Answered();
                    CheckNotRewound(response.Header);
                    _stands = true;
                    return response;
                }
                if (response.Events.Count > 0)
                    return response;
                _connection.AnswersProbes = true;
            }
        }
        catch (Exception e) when (e is not StoreException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!EtcdFaults.IsExpected(e))
                throw;
            StoreException failure = EtcdFaults.Explain(e, _action, _connection.Options, _member?.Endpoint);
            if (_member is not null && !_connection.Repair(_member, failure.Fault))
                _connection.Leave(_member, failure.Fault);
            throw failure;
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _call?.Dispose();
        _stop.Dispose();
    }

    private async Task<WatchResponse> ReadAsync(AsyncDuplexStreamingCall<WatchRequest, WatchResponse> call)
    {
        if (_stands)
            _stop.CancelAfter(_connection.AnswersProbes ? SilenceLimit : Timeout.InfiniteTimeSpan);
        Task<bool> next = call.ResponseStream.MoveNext(_stop.Token);
        while (_stands && !await EndsWithinAsync(next, ProbeEvery).ConfigureAwait(false))
            await call.RequestStream.WriteAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() }, _stop.Token).ConfigureAwait(false);
        if (!await next.ConfigureAwait(false))
            throw new RpcException(new Status(StatusCode.Unavailable, "the server closed the stream"));
        _stop.CancelAfter(Timeout.InfiniteTimeSpan); // the consumer may take its time
        return call.ResponseStream.Current;
    }

    // Leaves no timer behind: with ten thousand responses a second those of four seconds would be all there is in memory.
    private static async Task<bool> EndsWithinAsync(Task task, TimeSpan limit)
    {
        if (task.IsCompleted)
            return true;
        using var end = new CancellationTokenSource();
        bool ended = await Task.WhenAny(task, Task.Delay(limit, end.Token)).ConfigureAwait(false) == task;
        await end.CancelAsync().ConfigureAwait(false);
        return ended;
    }

    // etcd accepts a start revision of the future and then stays silent until it is reached.
    private void CheckNotRewound(ResponseHeader header)
    {
        string? found = _connection.ClusterId != 0 && header.ClusterId != _connection.ClusterId
            ? $"etcd answers as cluster {header.ClusterId:x}, and as {_connection.ClusterId:x} before: wiped, or restored from a backup?"
            : header.Revision < _create.StartRevision - 1
            ? $"this etcd member stands at revision {header.Revision}, and {_create.StartRevision - 1} was seen before: it lags behind the others, or was restored from a backup"
            : null;
        if (found is null)
            return;
        _connection.Leave(_member!, StoreFault.Rewound);
        throw new StoreException(StoreFault.Rewound, $"cannot {_action}: {found}");
    }
}
