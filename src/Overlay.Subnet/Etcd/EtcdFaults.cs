using System.Net.Sockets;
using System.Security.Authentication;
using Grpc.Core;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Etcd;

/// <summary>Turns what the gRPC stack throws into one line that tells an operator what is wrong and what to do.</summary>
internal static class EtcdFaults
{
    private const int MaxDetail = 200;

    // etcd's own words (api/v3rpc/rpctypes/error.go), since it uses one status code for several of these.
    private static readonly (string Text, StoreFault Fault, string Advice)[] Known =
    [
        ("no leader", StoreFault.NoLeader, "the cluster has no leader; are most members up, and are their disks fast enough?"),
        ("leader changed", StoreFault.NoLeader, "the cluster is electing a leader"),
        ("not leader", StoreFault.NoLeader, "the cluster is electing a leader"),
        ("request timed out", StoreFault.Timeout, "the cluster did not commit in time; slow disks or network between members?"),
        ("context deadline exceeded", StoreFault.Timeout, "the member could not ask the others in time; is it cut off from them, or has the cluster no majority?"),
        ("too many requests", StoreFault.Overloaded, "etcd is overloaded"),
        ("database space exceeded", StoreFault.OutOfSpace, "etcd's database is full (NOSPACE alarm): compact, defragment and disarm the alarm with etcdctl"),
        ("no space", StoreFault.OutOfSpace, "etcd's database is full (NOSPACE alarm): compact, defragment and disarm the alarm with etcdctl"),
        ("authentication is not enabled", StoreFault.AuthNotEnabled, "etcd has authentication off; etcd-username and etcd-password are not needed"),
        ("invalid auth token", StoreFault.Unauthenticated, "the login has expired"),
        ("revision of auth store is old", StoreFault.Unauthenticated, "the login is older than a change of etcd's users or roles"),
        ("revision in header is old", StoreFault.Unauthenticated, "the login is older than a change of etcd's users or roles"), // etcd 3.4
        ("invalid user ID or password", StoreFault.Unauthenticated, "wrong etcd-username or etcd-password"),
        ("user name is empty", StoreFault.Unauthenticated, "etcd asks for a login: set etcd-username and etcd-password"),
        ("user name not found", StoreFault.Unauthenticated, "etcd does not know this etcd-username"),
        ("permission denied", StoreFault.PermissionDenied, ""),
        ("requested lease not found", StoreFault.LeaseNotFound, "the etcd lease has expired"),
        ("has been compacted", StoreFault.Compacted, "reading anew"),
        ("Received message exceeds", StoreFault.TooLarge, "the answer is too large"),
    ];

    /// <summary>Tells a failure of the outside world from a mistake of ours.</summary>
    public static bool IsExpected(Exception e) =>
        e is RpcException or OperationCanceledException or HttpRequestException or IOException or ObjectDisposedException or StoreException;

    /// <param name="e">An expected failure while the caller had not given up, so that a cancellation is a deadline.</param>
    /// <param name="action">What was attempted, as in "cannot {action}".</param>
    /// <param name="options">For the names in the advice.</param>
    /// <param name="endpoint">The member that was asked; null for all of them.</param>
    public static StoreException Explain(Exception e, string action, EtcdOptions options, string? endpoint = null)
    {
        if (e is StoreException already)
            return already;
        (StoreFault fault, string advice) = Judge(e, action, options, endpoint ?? string.Join(',', options.Endpoints));
        return new StoreException(fault, $"cannot {action}: {advice}", e) { Reason = advice };
    }

    private static (StoreFault Fault, string Advice) Judge(Exception e, string action, EtcdOptions options, string where)
    {
        string detail = (e as RpcException)?.Status.Detail ?? "";
        foreach ((string text, StoreFault fault, string advice) in Known)
        {
            if (detail.Contains(text, StringComparison.Ordinal))
                return (fault, fault == StoreFault.PermissionDenied ? Permission(action, options) : advice);
        }
        return JudgeTls(e, options) ?? JudgeConnection(e, options, where);
    }

    private static string Permission(string action, EtcdOptions options)
    {
        string who = options.Username.Length > 0 ? $"etcd user \"{LogText.Escape(options.Username)}\"" : "the user of our client certificate";
        string right = action.StartsWith("write", StringComparison.Ordinal) ? "write" : "read";
        return $"{who} lacks the {right} permission; grant a role of it readwrite on the prefix {options.Prefix}/ (etcdctl role grant-permission --prefix)";
    }

    private static (StoreFault Fault, string Advice)? JudgeTls(Exception e, EtcdOptions options)
    {
        string text = string.Join(" / ", Chain(e).Select(inner => inner.Message));
        bool Says(string part) => text.Contains(part, StringComparison.OrdinalIgnoreCase);
        if (!options.UsesTls)
            return null;
        if (Says("RemoteCertificateNameMismatch"))
            return (StoreFault.Tls, "the server's certificate is not for the host name in etcd-endpoints");
        if (Says("NotTimeValid"))
            return (StoreFault.Tls, "the server's certificate has expired or is not valid yet (or this clock is wrong)");
        if (Says("errors in the certificate chain"))
            return (StoreFault.Tls, "the server's certificate is not signed by etcd-cafile (or by the system's authorities, if that is not set)");
        // With TLS 1.3 the server judges our certificate after our side of the handshake is done, so all we see is a closed connection.
        if (Says("did not complete the HTTP/2 handshake") || Says("bad certificate") || Says("certificate required") || Says("SSL_ERROR_SSL"))
        {
            return (StoreFault.Tls, options.CertFile.Length == 0
                ? "the server wants a client certificate: set etcd-certfile and etcd-keyfile"
                : "the server refuses our client certificate: is etcd-certfile expired, or of another authority than the server trusts?");
        }
        if (Chain(e).OfType<AuthenticationException>().FirstOrDefault() is AuthenticationException tls && !Says("Cannot determine the frame size"))
            return (StoreFault.Tls, $"TLS failed: {LogText.Escape(tls.Message, MaxDetail)}");
        return Says("SSL connection could not be established")
            ? (StoreFault.Tls, "the server does not speak TLS there (http:// in etcd-endpoints?) or broke the TLS handshake off") : null;
    }

    private static (StoreFault Fault, string Advice) JudgeConnection(Exception e, EtcdOptions options, string where)
    {
        StatusCode code = e is RpcException rpc ? rpc.StatusCode : e is OperationCanceledException ? StatusCode.DeadlineExceeded : StatusCode.Unavailable;
        string detail = LogText.Escape(Chain(e).Last() is RpcException last ? last.Status.Detail : Chain(e).Last().Message.Split('\n')[0], MaxDetail);
        bool noHttp2 = Chain(e).Any(inner => inner is HttpProtocolException
            || inner.Message.Contains("HTTP/2 handshake", StringComparison.Ordinal) || inner.Message.Contains("HTTP/1", StringComparison.Ordinal));
        if (Chain(e).OfType<SocketException>().FirstOrDefault() is SocketException socket)
            return (StoreFault.Unreachable, $"no connection to {where}: {socket.Message}{RefusalHint(socket, options)}");
        // A server that is frozen answers no ping either; the handler then says so in the words of the protocol.
        bool isMute = code == StatusCode.DeadlineExceeded || Chain(e).Any(inner => inner.Message.Contains("respond to a ping request", StringComparison.Ordinal));
        return code switch
        {
            _ when isMute => (StoreFault.Timeout, $"no answer in time from {where} (hung, overloaded, or no etcd?)"),
            StatusCode.Unimplemented => (StoreFault.NotEtcd, $"what listens at {where} is not an etcd with the v3 API"),
            _ when noHttp2 =>
                (StoreFault.NotEtcd, $"what listens at {where} does not speak etcd's protocol, or wants TLS (https:// in etcd-endpoints?): {detail}"),
            StatusCode.Unavailable or StatusCode.Cancelled => (StoreFault.Unreachable, $"the connection to {where} broke: {detail}"),
            _ => (StoreFault.Other, $"{code}: {detail}"),
        };
    }

    // A server that refuses our certificate closes with our first request unread, and the reset can overtake its TLS alert. A server that died looks the same.
    private static string RefusalHint(SocketException socket, EtcdOptions options) =>
        options.UsesTls && socket.SocketErrorCode is (SocketError.ConnectionReset or SocketError.Shutdown)
            ? " (if it stays so: does the server want another client certificate, etcd-certfile?)" : "";

    private static IEnumerable<Exception> Chain(Exception e)
    {
        for (Exception? inner = e; inner is not null; inner = inner.InnerException)
            yield return inner;
    }
}
