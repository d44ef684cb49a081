using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Memory;

/// <summary>What is said of a start without etcd, and of the files for it. Event ids 3200 to 3219.</summary>
internal static partial class MemoryLog
{
    [LoggerMessage(3200, LogLevel.Warning,
        "{Stale}: subnet {Subnet}, {Leases} leases at revision {Revision}; what has changed since is taken over when etcd answers")]
    public static partial void StartingFromCache(this ILogger logger, string? stale, IPNetwork? subnet, int leases, long revision);

    [LoggerMessage(3201, LogLevel.Information, "the saved answers of etcd are not used: {Reason}")]
    public static partial void CacheNotUsed(this ILogger logger, string reason);

    [LoggerMessage(3202, LogLevel.Warning, "what etcd says cannot be saved in {Folder}: {Problem}; a start without etcd would have to wait for it")]
    public static partial void CacheNotSaved(this ILogger logger, string folder, string problem);

    [LoggerMessage(3203, LogLevel.Warning, "node id {NodeId} and MAC are taken from cache.json, since state.json has none")]
    public static partial void IdentityRestored(this ILogger logger, string nodeId);

    [LoggerMessage(3204, LogLevel.Information, "the leases are those of etcd again")]
    public static partial void CacheReconciled(this ILogger logger);

    [LoggerMessage(3205, LogLevel.Warning, "{Trouble}: going on with {Subnet}, which this node had, and trying again")]
    public static partial void LeaseNotConfirmed(this ILogger logger, IPNetwork subnet, string trouble);

    [LoggerMessage(3207, LogLevel.Error, "state cannot be saved in {Folder}: {Problem}; this node's identity stands there, what has become of its lease does not")]
    public static partial void StateNotRenewed(this ILogger logger, string folder, string problem);

    [LoggerMessage(3206, LogLevel.Warning,
        "this node has lost its state: node id {NodeId} and MAC are taken from lease {Key}, the only one under its address {PublicIp} and the one in its subnet file")]
    public static partial void IdentityAdopted(this ILogger logger, string nodeId, SubnetKey key, IPAddress publicIp);
}
