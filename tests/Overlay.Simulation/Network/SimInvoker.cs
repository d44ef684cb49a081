using Etcdserverpb;
using Google.Protobuf;
using Grpc.Core;
using Mvccpb;
using Overlay.Simulation.Agents;
using Overlay.Simulation.Etcd;
using Overlay.Simulation.Time;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Network;

/// <summary>
/// Carries the production store's own gRPC messages over the simulated link and answers them as etcd does. So the transactions that the agent
/// sends to a real etcd are the ones under test.
/// </summary>
public sealed class SimInvoker(SimAgent agent, SimProcess process, SimEtcd etcd, IReadOnlyList<LeaseAttributes> names, string prefix) : CallInvoker
{
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        bool isWrite = request is TxnRequest;
        Task<TResponse> answer = agent.Link.CallAsync(process, isWrite, late => (TResponse)Serve((IMessage)request, late), options.CancellationToken);
        return new AsyncUnaryCall<TResponse>(answer, Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });
    }

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var exchange = new SimExchange<TRequest, TResponse>(request =>
            agent.Link.CallAsync(process, isWrite: false, late => (TResponse)Serve((IMessage)request, late), options.CancellationToken));
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(
            exchange, exchange, Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });
    }

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        throw new NotSupportedException();

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    private object Serve(IMessage request, bool late) => request switch
    {
        RangeRequest range => Range(range),
        TxnRequest txn => Transact(txn, late),
        LeaseGrantRequest grant => new LeaseGrantResponse { Header = Header(), ID = etcd.Grant(TimeSpan.FromSeconds(grant.TTL)), TTL = grant.TTL },
        LeaseKeepAliveRequest keep => new LeaseKeepAliveResponse { Header = Header(), ID = keep.ID, TTL = (long)etcd.KeepAlive(keep.ID).TotalSeconds },
        _ => throw new NotSupportedException(request.Descriptor.Name),
    };

    private RangeResponse Range(RangeRequest request)
    {
        if (request.Revision > etcd.State.Revision)
            throw new RpcException(new Status(StatusCode.OutOfRange, "etcdserver: mvcc: required revision is a future revision"));
        if (request.Revision != 0 && request.Revision < etcd.State.Compacted)
            throw new RpcException(new Status(StatusCode.OutOfRange, "etcdserver: mvcc: required revision has been compacted"));
        var response = new RangeResponse { Header = Header() };
        string first = PathOf(request.Key);
        string end = request.RangeEnd.IsEmpty ? first + '\0' : PathOf(request.RangeEnd);
        foreach (StoreRecord record in request.Revision == 0 ? etcd.State.Records.Values : etcd.State.At(request.Revision).Values)
        {
            if (string.CompareOrdinal(record.Path, first) < 0 || string.CompareOrdinal(record.Path, end) >= 0)
                continue;
            if (response.Kvs.Count == etcd.PageSize)
            {
                response.More = true;
                break;
            }
            response.Kvs.Add(KeyValueOf(record));
        }
        return response;
    }

    private TxnResponse Transact(TxnRequest request, bool late)
    {
        RequestOp asked = request.Success[0];
        string key = PathOf(asked.RequestPut?.Key ?? asked.RequestDeleteRange.Key);
        if (!late && key.StartsWith(StorePaths.Subnets, StringComparison.Ordinal))
            agent.Rival?.Invoke(key, asked.RequestDeleteRange is not null);
        bool holds = request.Compare.All(Holds);
        var writer = new Writer(agent, late, agent.Name, names);
        var response = new TxnResponse { Succeeded = holds };
        foreach (RequestOp operation in holds ? request.Success : request.Failure)
            response.Responses.Add(Run(operation, writer));
        response.Header = Header();
        if (!holds && !late)
            agent.Refused(key);
        return response;
    }

    private bool Holds(Compare compare)
    {
        StoreRecord? record = etcd.Get(PathOf(compare.Key));
        if (compare.Result != Compare.Types.CompareResult.Equal)
            throw new NotSupportedException();
        return compare.Target switch
        {
            Compare.Types.CompareTarget.Mod => (record?.ModRevision ?? 0) == compare.ModRevision,
            Compare.Types.CompareTarget.Create => (record?.CreateRevision ?? 0) == compare.CreateRevision,
            Compare.Types.CompareTarget.Lease => (record?.EtcdLeaseId ?? 0) == compare.Lease,
            Compare.Types.CompareTarget.Value => record is not null && record.Value.Span.SequenceEqual(compare.Value.Span), // of no key no value is equal
            _ => throw new NotSupportedException(),
        };
    }

    private ResponseOp Run(RequestOp operation, Writer writer)
    {
        switch (operation.RequestCase)
        {
            case RequestOp.RequestOneofCase.RequestPut:
                PutRequest put = operation.RequestPut;
                if (put.Lease != 0 && !etcd.State.Leases.ContainsKey(put.Lease))
                    throw new RpcException(new Status(StatusCode.NotFound, "etcdserver: requested lease not found"));
                etcd.Put(writer, PathOf(put.Key), put.Value.Memory, put.Lease);
                return new ResponseOp { ResponsePut = new PutResponse() };
            case RequestOp.RequestOneofCase.RequestDeleteRange:
                etcd.Delete(writer, [PathOf(operation.RequestDeleteRange.Key)]);
                return new ResponseOp { ResponseDeleteRange = new DeleteRangeResponse() };
            case RequestOp.RequestOneofCase.RequestRange:
                return new ResponseOp { ResponseRange = Range(operation.RequestRange) };
            default:
                throw new NotSupportedException();
        }
    }

    private ResponseHeader Header() => new() { ClusterId = etcd.State.ClusterId, Revision = etcd.State.Revision };

    private string PathOf(ByteString key) => key.ToStringUtf8()[(prefix.Length + 1)..];

    private KeyValue KeyValueOf(StoreRecord record) => new()
    {
        Key = ByteString.CopyFromUtf8($"{prefix}/{record.Path}"),
        Value = UnsafeByteOperations.UnsafeWrap(record.Value),
        Lease = record.EtcdLeaseId,
        CreateRevision = record.CreateRevision,
        ModRevision = record.ModRevision,
    };
}
