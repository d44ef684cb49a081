using dotnet_etcd;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Etcd;

/// <summary>
/// Owns dotnet-etcd's clients, one for each member: makes them, keeps their credentials fresh, replaces them when the TLS files on disk have
/// changed, and stays with one member until that fails. Safe for concurrent use.
/// </summary>
/// <remarks>
/// The library would spread the calls over all members in turn, also over one that is frozen or cut off: its connection stands, so every third call
/// would wait for its deadline, and the watch that happens to be there, too.
/// </remarks>
internal sealed class EtcdConnection : IDisposable
{
    private readonly ILogger _log;
    private readonly CallInvoker? _invoker;
    private readonly Lock _gate = new();
    private readonly EtcdMember[] _members; // in an order of this agent's own, so that a fleet spreads over them
    private int _current;
    private TlsFiles? _files;
    private bool _authIsOff;
    private bool _disposed;
    private bool _hasWarned;

    /// <param name="options">Where and how to connect.</param>
    /// <param name="log">For repairs.</param>
    /// <param name="invoker">Carries the calls instead of a connection of our own; then members, TLS and login do not come into it.</param>
    public EtcdConnection(EtcdOptions options, ILogger log, CallInvoker? invoker = null)
    {
        Options = options;
        _log = log;
        _invoker = invoker;
        _members = invoker is null ? [.. options.Endpoints.Select(endpoint => new EtcdMember(endpoint))] : [new EtcdMember(null)];
        Random.Shared.Shuffle(_members);
    }

    public EtcdOptions Options { get; }

    /// <summary>The cluster that answered the last read; 0 before the first.</summary>
    public ulong ClusterId { get; set; }

    /// <summary>The server has answered a progress request of a watch, so silence from it means a stall (etcd before 3.4 never answers).</summary>
    public bool AnswersProbes { get; set; }

    /// <summary>The member to ask next, and the client for it.</summary>
    /// <exception cref="StoreException">A TLS file cannot be used.</exception>
    public (EtcdMember Member, EtcdClient Client) Current
    {
        get
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                EtcdMember member = _members[_current];
                return (member, member.Client ??= Create(member));
            }
        }
    }

    /// <summary>Sent with every call: a member without a leader shall say so at once instead of letting us wait.</summary>
    public static Metadata Headers() => new() { { "hasleader", "true" } };

    /// <summary>
    /// Makes a call, once more where the cause of its failure lay with us and is removed, and where one member is to blame of each other.
    /// </summary>
    /// <param name="action">What is attempted, as in "cannot {action}".</param>
    /// <param name="call">The call, with its deadline.</param>
    /// <param name="cancellationToken">Our caller's, which the call observes, too.</param>
    /// <param name="isWrite">It changes a key: who asks for that has to know of each try whose outcome is in doubt, so to ask again is his.</param>
    /// <exception cref="StoreException">It failed.</exception>
    public async Task<T> CallAsync<T>(
        string action, Func<EtcdClient, DateTime, Task<T>> call, CancellationToken cancellationToken, bool isWrite = false)
    {
        DateTime deadline = Deadline();
        bool isRepaired = false, hasTimedOut = false;
        StoreException? telling = null; // what a member says tells more than that another is gone or mute
        for (int asked = 1; ;)
        {
            (EtcdMember member, EtcdClient client) = Current;
            try
            {
                T answer = await call(client, deadline).ConfigureAwait(false);
                member.Answered();
                return answer;
            }
            catch (Exception e)
            {
                // Whether this is our caller's doing is told by the token alone: the exception type is the same for a deadline.
                cancellationToken.ThrowIfCancellationRequested();
                if (!EtcdFaults.IsExpected(e))
                    throw;
                StoreException failure = EtcdFaults.Explain(e, action, Options, asked == 1 ? member.Endpoint : null);
                bool timedOut = failure.Fault == StoreFault.Timeout;
                if (failure.Fault != StoreFault.Unreachable && !timedOut)
                    telling ??= failure;
                bool isInDoubt = isWrite && (timedOut || failure.Fault == StoreFault.Unreachable);
                if (Repair(member, failure.Fault) && !isRepaired && !isInDoubt)
                {
                    (isRepaired, telling) = (true, null);
                    deadline = Deadline();
                }
                else if (!Leave(member, failure.Fault) || isWrite || (timedOut && hasTimedOut) || asked++ == _members.Length)
                {
                    throw telling ?? failure;
                }
                else if (timedOut)
                {
                    (hasTimedOut, deadline) = (true, Deadline()); // of one mute member; a second one is one too many
                }
            }
        }

        // gRPC wants it as UTC wall time and turns it into a duration at once.
        DateTime Deadline() => DateTime.UtcNow + Options.RequestTimeout;
    }

    /// <summary>Removes the cause of a failure where that lies with us.</summary>
    /// <returns>Whether trying again at once makes sense.</returns>
    public bool Repair(EtcdMember member, StoreFault fault)
    {
        lock (_gate)
        {
            if (member.Client is null || _disposed)
                return false;
            switch (fault)
            {
                case StoreFault.AuthNotEnabled when !_authIsOff:
                    _authIsOff = true;
                    Array.ForEach(_members, each => each.Client?.ClearCredentials());
                    _log.AuthNotEnabled(Options.Username);
                    return true;
                case StoreFault.Unauthenticated when Options.Username.Length > 0:
                    _authIsOff = false;
                    member.Client.SetCredentials(Options.Username, Options.Password); // drops the cached token
                    return true;
                case StoreFault.Tls or StoreFault.Unreachable or StoreFault.Timeout when _files is not null && _files.HaveChanged():
                    _log.TlsFilesReread();
                    Disconnect();
                    _files = null;
                    return true;
                case StoreFault.Timeout when member.TimesOutAgain():
                    _log.ConnectingAnew(EtcdMember.StuckAfter, member.Endpoint);
                    member.Disconnect();
                    return false;
                default:
                    return false;
            }
        }
    }

    /// <summary>Goes on with the next member, if a failure is that of this one. Watches that stand there are left to themselves.</summary>
    /// <returns>Whether there is another.</returns>
    public bool Leave(EtcdMember member, StoreFault fault)
    {
        bool isMembers = fault is StoreFault.Unreachable or StoreFault.Timeout or StoreFault.NoLeader or StoreFault.Tls or StoreFault.NotEtcd or StoreFault.Rewound;
        if (!isMembers || _members.Length == 1)
            return false;
        lock (_gate)
        {
            if (_members[_current] == member) // and not left by another call already
            {
                _current = (_current + 1) % _members.Length;
                _log.AskingAnother(member.Endpoint, fault, _members[_current].Endpoint);
            }
        }
        return true;
    }

    /// <summary>Gives up every connection there is; the next call opens others.</summary>
    public void Reset()
    {
        lock (_gate)
            Disconnect();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Disconnect();
        }
    }

    private void Disconnect() => Array.ForEach(_members, member => member.Disconnect());

    private EtcdClient Create(EtcdMember member)
    {
        if (_invoker is not null)
            return new EtcdClient(_invoker);
        if (Options.UsesTls)
            _files ??= TlsFiles.Load(Options);
        if (!_hasWarned && TlsFiles.OthersOfKey(Options) is { } mode)
        {
            _hasWarned = true;
            _log.KeyFileExposed(LogText.Escape(Options.KeyFile, 200), mode);
        }

        // For https the overload with TLS options is a must: the plain one sends clear text whatever the scheme says.
        var client = new EtcdClient(member.Endpoint, configureSslOptions: _files is null ? null : _files.Configure, configureChannelOptions: ConfigureChannel);
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
