using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Agent.Configuration;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Etcd.Inspection;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Survey;

namespace Overlay.Agent.Doctor.Etcd;

/// <summary>Asks etcd; writes nothing there.</summary>
internal static class EtcdGatherer
{
    private const int ReadsTimed = 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3), Watch = TimeSpan.FromSeconds(3);

    /// <summary>Asks every member by itself, and the cluster for this overlay's content.</summary>
    /// <param name="settings">How to reach it.</param>
    /// <param name="publicIp">This node's public address, or null where none is known.</param>
    /// <param name="time">Clock of the reads.</param>
    /// <param name="stop">Ends it early.</param>
    public static async Task<EtcdFacts> GatherAsync(EtcdSettings settings, IPAddress? publicIp, TimeProvider time, CancellationToken stop)
    {
        EtcdOptions options = settings.ToOptions();
        Task<MemberFacts[]> members = Task.WhenAll(options.Endpoints.Select(endpoint => MemberAsync(Of(options, [endpoint]), time, stop)));
        EtcdFacts content = await ContentAsync(Of(options, options.Endpoints), publicIp, stop).ConfigureAwait(false);
        return content with { Members = await members.ConfigureAwait(false) };
    }

    private static async Task<MemberFacts> MemberAsync(EtcdOptions options, TimeProvider time, CancellationToken stop)
    {
        MemberFacts facts = new(options.Endpoints[0]);
        using EtcdLeaseStore store = new(options, NullLogger<EtcdLeaseStore>.Instance);
        try
        {
            List<TimeSpan> reads = [];
            for (int i = 0; i <= ReadsTimed; i++)
            {
                long start = time.GetTimestamp();
                _ = await store.ReadAsync(StorePaths.Config, stop).ConfigureAwait(false);
                if (i > 0) reads.Add(time.GetElapsedTime(start));
            }
            facts = facts with { Reads = reads };
        }
        catch (StoreException e)
        {
            facts = facts with { Problem = e.Message };
            if (e.Fault is StoreFault.Unreachable or StoreFault.Tls or StoreFault.NotEtcd) return facts;
        }
        using EtcdInspector inspector = new(options, NullLogger<EtcdLeaseStore>.Instance);
        try
        {
            facts = facts with { Status = await inspector.StatusAsync(stop).ConfigureAwait(false) };
        }
        catch (StoreException e)
        {
            facts = facts with { Problem = facts.Problem ?? e.Message };
        }
        try
        {
            (string text, DateTimeOffset? clock) = await inspector.MetricsAsync(stop).ConfigureAwait(false);
            facts = facts with { Metrics = EtcdMetrics.Parse(text), ClockDifference = clock - time.GetUtcNow() };
            long start = time.GetTimestamp();
            await Task.Delay(Watch, time, stop).ConfigureAwait(false);
            (text, _) = await inspector.MetricsAsync(stop).ConfigureAwait(false);
            EtcdMetrics later = EtcdMetrics.Parse(text);
            return facts with { Metrics = later, Recent = later.Since(facts.Metrics), Watched = time.GetElapsedTime(start) };
        }
        catch (StoreException e)
        {
            return facts.Metrics is null ? facts with { MetricsProblem = e.Message } : facts;
        }
    }

    private static async Task<EtcdFacts> ContentAsync(EtcdOptions options, IPAddress? publicIp, CancellationToken stop)
    {
        EtcdFacts facts = new();
        using EtcdLeaseStore store = new(options, NullLogger<EtcdLeaseStore>.Instance);
        try
        {
            StoreSnapshot config = await store.ReadAsync(StorePaths.Config, stop).ConfigureAwait(false);
            facts = WithConfig(facts, config, options);
            facts = facts with { Keys = LeaseSurvey.Create(await store.ReadAsync(StorePaths.Subnets, stop).ConfigureAwait(false), facts.Config) };
            long lease = publicIp is null ? 0 : facts.Own(publicIp).Select(l => l.EtcdLeaseId).FirstOrDefault(id => id != 0);
            return lease == 0 ? facts : facts with { OwnLife = await store.LifeAsync(lease, stop).ConfigureAwait(false) };
        }
        catch (StoreException e)
        {
            return facts with { Problem = e.Message };
        }
    }

    private static EtcdFacts WithConfig(EtcdFacts facts, StoreSnapshot config, EtcdOptions options)
    {
        if (config.Records.Count == 0) return facts with { ConfigProblem = $"{options.Prefix}/{StorePaths.Config} does not exist" };
        try
        {
            return facts with { Config = NetworkConfig.Parse(config.Records[0].Value.Span) };
        }
        catch (NetworkConfigException e)
        {
            return facts with { ConfigProblem = $"{options.Prefix}/{StorePaths.Config}: {e.Message}" };
        }
    }

    private static EtcdOptions Of(EtcdOptions options, IReadOnlyList<string> endpoints) => new()
    {
        Endpoints = endpoints,
        Prefix = options.Prefix,
        KeyFile = options.KeyFile,
        CertFile = options.CertFile,
        CaFile = options.CaFile,
        Username = options.Username,
        Password = options.Password,
        RequestTimeout = Patience,
    };
}
