using System.Globalization;
using Etcdserverpb;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Etcd.Inspection;

/// <summary>Looks at one etcd member, and writes nothing. One caller at a time; opens nothing before the first call.</summary>
public sealed class EtcdInspector : IDisposable
{
    private const int MetricsLimit = 8 << 20;   // a busy member has some 200 KiB

    private readonly EtcdOptions _options;
    private readonly EtcdConnection _connection;

    /// <summary>Creates the inspector.</summary>
    /// <param name="options">Of the members it names, the first is looked at.</param>
    /// <param name="log">Where repairs of the connection are reported.</param>
    public EtcdInspector(EtcdOptions options, ILogger<EtcdLeaseStore> log)
    {
        _options = options;
        _connection = new EtcdConnection(options, log);
    }

    /// <summary>What the member says of itself.</summary>
    /// <exception cref="StoreException">It does not answer, or not to us.</exception>
    public Task<EtcdMemberStatus> StatusAsync(CancellationToken cancellationToken) => _connection.CallAsync("ask for the member's status", async (client, deadline) =>
    {
        StatusResponse status = await client.GetConnection().MaintenanceClient.StatusAsync(new StatusRequest(), null, deadline, cancellationToken);
        return new EtcdMemberStatus(
            LogText.Escape(status.Version, 40), status.Header.MemberId, status.Leader, status.DbSize, status.DbSizeInUse, status.IsLearner,
            [.. status.Errors.Select(error => LogText.Escape(error))]);
    }, cancellationToken);

    /// <summary>The member's metrics page, from its client port, in Prometheus' text form, and the member's clock (whole seconds) where it says so.</summary>
    /// <exception cref="StoreException">There is none to be had there.</exception>
    public async Task<(string Text, DateTimeOffset? ServerTime)> MetricsAsync(CancellationToken cancellationToken)
    {
        using SocketsHttpHandler handler = new() { UseProxy = false, ConnectTimeout = _options.RequestTimeout };
        if (_options.UsesTls) TlsFiles.Load(_options).Configure(handler.SslOptions);
        using HttpClient client = new(handler) { Timeout = _options.RequestTimeout, MaxResponseContentBufferSize = MetricsLimit };
        try
        {
            using HttpResponseMessage answer = await client.GetAsync(new Uri(_options.Endpoints[0] + "/metrics"), cancellationToken).ConfigureAwait(false);
            if (!answer.IsSuccessStatusCode) throw new StoreException(StoreFault.Other, string.Create(CultureInfo.InvariantCulture, $"{_options.Endpoints[0]}/metrics answers with HTTP status {(int)answer.StatusCode}"));
            return (await answer.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false), answer.Headers.Date);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new StoreException(StoreFault.Unreachable, $"no metrics from {_options.Endpoints[0]}/metrics: {LogText.Escape(e.Message, 200)}", e);
        }
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _connection.Dispose();
}
