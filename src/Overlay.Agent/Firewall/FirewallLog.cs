using Microsoft.Extensions.Logging;

namespace Overlay.Agent.Firewall;

/// <summary>Messages of this room. Event ids 3300 to 3349.</summary>
internal static partial class FirewallLog
{
    [LoggerMessage(3300, LogLevel.Information, "firewall rules are in place ({Firewall}): {Changes}")]
    public static partial void FirewallInPlace(this ILogger logger, string firewall, string changes);

    [LoggerMessage(3301, LogLevel.Warning, "firewall rules were missing or changed and are put back ({Firewall}): {Changes}")]
    public static partial void FirewallRepaired(this ILogger logger, string firewall, string changes);

    [LoggerMessage(3302, LogLevel.Warning, "firewall rules were missing or changed again and are put back ({Firewall}), {Count} times since this was last said; another program flushes them, look at firewalld, ufw and scripts that run iptables-restore or nft -f: {Changes}")]
    public static partial void FirewallRepairedAgain(this ILogger logger, string firewall, int count, string changes);

    [LoggerMessage(3303, LogLevel.Error, "firewall rules cannot be kept, trying again every {Seconds} s: {Problem}")]
    public static partial void FirewallFailed(this ILogger logger, string problem, double seconds);

    [LoggerMessage(3304, LogLevel.Information, "firewall rules can be kept again")]
    public static partial void FirewallWorksAgain(this ILogger logger);

    [LoggerMessage(3305, LogLevel.Warning, "firewall: {Obstacle}")]
    public static partial void FirewallObstacle(this ILogger logger, string obstacle);

    [LoggerMessage(3306, LogLevel.Information, "firewall: nothing stands before our accepts any more")]
    public static partial void FirewallObstacleGone(this ILogger logger);

    [LoggerMessage(3307, LogLevel.Warning, "firewall: {Missing}, so no accepts for forwarded traffic are installed; harmless unless something else makes FORWARD drop")]
    public static partial void FirewallToolMissing(this ILogger logger, string missing);

    [LoggerMessage(3308, LogLevel.Information, "firewall rules of an earlier run are removed ({Firewall}): {Changes}")]
    public static partial void FirewallOtherRemoved(this ILogger logger, string firewall, string changes);

    [LoggerMessage(3309, LogLevel.Warning, "firewall rules of an earlier run may be left ({Firewall}): {Problem}")]
    public static partial void FirewallOtherLeft(this ILogger logger, string firewall, string problem);

    [LoggerMessage(3312, LogLevel.Error,
        "firewall rules do not stay ({Firewall}): written {Tries} times, and missing or different right after. Either another program removes them at once (nft monitor shows it), or the tool prints them differently from how they were given: please report that. Tried every {Seconds} s from now on: {Changes}")]
    public static partial void FirewallInVain(this ILogger logger, string firewall, int tries, double seconds, string changes);

    [LoggerMessage(3311, LogLevel.Information, "firewall rules follow the node to its new subnet ({Firewall}): {Changes}")]
    public static partial void FirewallMoved(this ILogger logger, string firewall, string changes);

    [LoggerMessage(3313, LogLevel.Information, "firewall rules follow what others have added ({Firewall}): {Changes}")]
    public static partial void FirewallFollows(this ILogger logger, string firewall, string changes);
}
