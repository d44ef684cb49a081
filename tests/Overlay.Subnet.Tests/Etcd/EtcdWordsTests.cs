using Grpc.Core;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>What etcd answers in its own words (api/v3rpc/rpctypes/error.go), where a real one can hardly be made to.</summary>
public sealed class EtcdWordsTests
{
    private static readonly (StatusCode Code, string Detail, StoreFault Fault, string Says)[] Words =
    [
        (StatusCode.Unavailable, "etcdserver: no leader", StoreFault.NoLeader, "the cluster has no leader"),
        (StatusCode.Unavailable, "etcdserver: leader changed", StoreFault.NoLeader, "electing a leader"),
        (StatusCode.ResourceExhausted, "etcdserver: too many requests", StoreFault.Overloaded, "etcd is overloaded"),
        (StatusCode.ResourceExhausted, "etcdserver: mvcc: database space exceeded", StoreFault.OutOfSpace, "NOSPACE"),
        (StatusCode.Unauthenticated, "etcdserver: invalid auth token", StoreFault.Unauthenticated, "the login has expired"),
        (StatusCode.InvalidArgument, "etcdserver: revision of auth store is old", StoreFault.Unauthenticated, "older than a change of etcd's users or roles"),
        (StatusCode.InvalidArgument, "etcdserver: authentication failed, invalid user ID or password", StoreFault.Unauthenticated, "wrong etcd-username or etcd-password"),
        (StatusCode.PermissionDenied, "etcdserver: permission denied", StoreFault.PermissionDenied, "lacks the read permission"),
        (StatusCode.Unavailable, "etcdserver: request timed out", StoreFault.Timeout, "did not commit in time"),
        (StatusCode.Unknown, "context deadline exceeded", StoreFault.Timeout, "has the cluster no majority?"),   // a linearizable read
        (StatusCode.Internal, "The HTTP/2 server didn't respond to a ping request within the configured KeepAlivePingDelay.", StoreFault.Timeout, "no answer in time from"),
    ];

    [Fact]
    public void C11_no_leader_too_many_requests_and_the_like_each_have_a_message_of_their_own()
    {
        List<StoreException> failures = [.. Words.Select(answer => EtcdFaults.Explain(
            new RpcException(new Status(answer.Code, answer.Detail)), "read /p/config", new EtcdOptions { Username = "flannel", Password = "secret" }))];
        Assert.All(failures.Zip(Words), pair =>
        {
            Assert.Equal(pair.Second.Fault, pair.First.Fault);
            Assert.Contains(pair.Second.Says, pair.First.Message, StringComparison.Ordinal);
            Assert.Equal($"cannot read /p/config: {pair.First.Reason}", pair.First.Message);
        });
        Assert.Equal(Words.Length, failures.Select(failure => failure.Message).Distinct().Count());
    }
}
