using dotnet_etcd;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Etcd;

/// <summary>
/// Owns dotnet-etcd's client: makes it, keeps its credentials fresh, and replaces it when the TLS files on disk have changed. Safe for
/// concurrent use.
/// </summary>
internal sealed class EtcdConnection : IDisposable
{
    // A channel that lost its server in the middle of connecting may wait for that connection for ever: seen with a few of 255 agents when
    // etcd is killed, each call of theirs timing out on an etcd that is well.
    private const int StuckAfter = 3;

    private readonly ILogger _log;
    private readonly CallInvoker? _invoker;
    private readonly Lock _gate = new();
    private EtcdClient? _client;
    private TlsFiles? _files;
    private bool _authIsOff;
    private int _timeoutsInARow;
    private bool _disposed;
    private bool _hasWarned;

    /// <param name="options">Where and how to connect.</param>
    /// <param name="log">For repairs.</param>
    /// <param name="invoker">Carries the calls instead of a connection of our own; then TLS and login do not come into it.</param>
    public EtcdConnection(EtcdOptions options, ILogger log, CallInvoker? invoker = null)
    {
        Options = options;
        _log = log;
        _invoker = invoker;
    }

    public EtcdOptions Options { get; }

    /// <summary>The cluster that answered the last read; 0 before the first.</summary>
    public ulong ClusterId { get; set; }

    /// <summary>The server has answered a progress request of a watch, so silence from it means a stall (etcd before 3.4 never answers).</summary>
    public bool AnswersProbes { get; set; }

    /// <summary>The client to use for the next call.</summary>
    /// <exception cref="StoreException">A TLS file cannot be used.</exception>
    public EtcdClient Client
    {
        get
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                return _client ??= Create();
            }
        }
    }

    /// <summary>Sent with every call: a member without a leader shall say so at once instead of letting us wait.</summary>
    public static Metadata Headers() => new() { { "hasleader", "true" } };

    /// <summary>Makes a call, and once more where the cause of its failure lay with us and is removed.</summary>
    /// <param name="action">What is attempted, as in "cannot {action}".</param>
    /// <param name="call">The call, with its deadline.</param>
    /// <param name="cancellationToken">Our caller's, which the call observes, too.</param>
    /// <exception cref="StoreException">It failed.</exception>
    public async Task<T> CallAsync<T>(string action, Func<EtcdClient, DateTime, Task<T>> call, CancellationToken cancellationToken)
    {
        for (bool repaired = false; ; repaired = true)
        {
            try
            {
                // gRPC wants the deadline as UTC wall time and turns it into a duration at once.
                T answer = await call(Client, DateTime.UtcNow + Options.RequestTimeout).ConfigureAwait(false);
                Answered();
                return answer;
            }
            catch (Exception e)
            {
                // Whether this is our caller's doing is told by the token alone: the exception type is the same for a deadline.
                cancellationToken.ThrowIfCancellationRequested();
                if (!EtcdFaults.IsExpected(e))
                    throw;
                StoreException failure = EtcdFaults.Explain(e, action, Options);
                if (!Repair(failure.Fault) || repaired)
                    throw failure;
            }
        }
    }

    /// <summary>The server has answered.</summary>
    public void Answered() => Volatile.Write(ref _timeoutsInARow, 0);

    /// <summary>Removes the cause of a failure where that lies with us.</summary>
    /// <returns>Whether trying again at once makes sense.</returns>
    public bool Repair(StoreFault fault)
    {
        lock (_gate)
        {
            if (_client is null || _disposed)
                return false;
            switch (fault)
            {
                case StoreFault.AuthNotEnabled when !_authIsOff:
                    _authIsOff = true;
                    _client.ClearCredentials();
                    _log.AuthNotEnabled(Options.Username);
                    return true;
                case StoreFault.Unauthenticated when Options.Username.Length > 0:
                    _authIsOff = false;
                    _client.SetCredentials(Options.Username, Options.Password); // drops the cached token
                    return true;
                case StoreFault.Tls or StoreFault.Unreachable or StoreFault.Timeout when _files is not null && _files.HaveChanged():
                    _log.TlsFilesReread();
                    _client.Dispose();
                    _client = null;
                    return true;
                case StoreFault.Timeout when ++_timeoutsInARow >= StuckAfter:
                    _timeoutsInARow = 0;
                    _log.ConnectingAnew(StuckAfter);
                    _client.Dispose();
                    _client = null;
                    return false;
                default:
                    return false;
            }
        }
    }

    /// <summary>Gives up every connection there is; the next call opens others.</summary>
    public void Reset()
    {
        lock (_gate)
        {
            _client?.Dispose();
            _client = null;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _client?.Dispose();
        }
    }

    private EtcdClient Create()
    {
        if (_invoker is not null)
            return new EtcdClient(_invoker);
        _files = Options.UsesTls ? TlsFiles.Load(Options) : null;
        if (!_hasWarned && TlsFiles.OthersOfKey(Options) is { } mode)
        {
            _hasWarned = true;
            _log.KeyFileExposed(LogText.Escape(Options.KeyFile, 200), mode);
        }

        // For https the overload with TLS options is a must: the plain one sends clear text whatever the scheme says.
        var client = new EtcdClient(
            string.Join(',', Options.Endpoints), configureSslOptions: _files is null ? null : _files.Configure,
            configureChannelOptions: ConfigureChannel);
        if (Options.Username.Length > 0 && !_authIsOff)
            client.SetCredentials(Options.Username, Options.Password);
        return client;
    }

    private static void ConfigureChannel(GrpcChannelOptions options)
    {
        // The library retries writes and hides TLS trouble behind the deadline; retries are our callers' business.
        options.ServiceConfig!.MethodConfigs.Clear();
        options.ServiceConfig.RetryThrottling = null;
        options.MaxReceiveMessageSize = 64 << 20;
        options.InitialReconnectBackoff = TimeSpan.FromMilliseconds(300);
        options.MaxReconnectBackoff = TimeSpan.FromSeconds(5);
        var handler = (SocketsHttpHandler)options.HttpHandler!;
        handler.ConnectTimeout = TimeSpan.FromSeconds(3);

        // Notice a dead or frozen server within 9 s. etcd closes connections that are pinged more often than every 5 s.
        handler.KeepAlivePingDelay = TimeSpan.FromSeconds(6);
        handler.KeepAlivePingTimeout = TimeSpan.FromSeconds(3);
    }
}
