using Etcdserverpb;
using Google.Protobuf;
using Grpc.Core;
using Mvccpb;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>Reads of more keys than one answer holds, from an etcd that is another one from page to page.</summary>
public sealed class PagedReadTests
{
    [Theory]
    [InlineData(7, 7, true)]
    [InlineData(7, 8, false)]
    public async Task C14_C16_pages_of_two_clusters_are_never_one_snapshot(ulong first, ulong second, bool isOne)
    {
        RangeResponse[] pages = [Page(first, "subnets/a", more: true), Page(second, "subnets/b", more: false)];
        using var store = new EtcdLeaseStore(new EtcdOptions { Prefix = "/p" }, new ListLogger<EtcdLeaseStore>(), new Pages(pages));
        Task<StoreSnapshot> reading = store.ReadAsync(StorePaths.Subnets, TestContext.Current.CancellationToken);
        if (isOne)
        {
            Assert.Equal(["subnets/a", "subnets/b"], (await reading).Records.Select(record => record.Path));
            return;
        }
        StoreException e = await Assert.ThrowsAsync<StoreException>(() => reading);
        Assert.Equal(StoreFault.Rewound, e.Fault);
    }

    private static RangeResponse Page(ulong cluster, string path, bool more) => new()
    {
        Header = new ResponseHeader { ClusterId = cluster, Revision = 9 },
        Kvs = { new KeyValue { Key = ByteString.CopyFromUtf8($"/p/{path}"), ModRevision = 5, CreateRevision = 5 } },
        More = more,
    };

    /// <summary>Answers each call with the next page.</summary>
    private sealed class Pages(IEnumerable<RangeResponse> pages) : CallInvoker
    {
        private readonly Queue<RangeResponse> _pages = new(pages);

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            new(Task.FromResult((TResponse)(object)_pages.Dequeue()), Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();
    }
}
