using System.Net;
using Microsoft.Extensions.Logging;

namespace Overlay.Agent.Healing;

/// <summary>The messages of this room. Event ids 3350 to 3399; an id is never used again for something else.</summary>
internal static partial class HealingLog
{
    [LoggerMessage(3350, LogLevel.Warning, "overlay device mended: {Flaw}")]
    public static partial void Mended(this ILogger logger, string flaw);

    [LoggerMessage(3351, LogLevel.Error, "overlay device cannot be mended, tried again every few seconds: {Flaw}")]
    public static partial void NotMended(this ILogger logger, string flaw);

    [LoggerMessage(3357, LogLevel.Warning,
        "overlay device mended {Times} times since this was last said: {Flaw}; another program undoes it, \"ip -ts monitor link address route\" shows when: NetworkManager, systemd-networkd, a script?")]
    public static partial void MendedAgain(this ILogger logger, string flaw, int times);

    [LoggerMessage(3358, LogLevel.Information, "overlay device mended after all: {Flaw}")]
    public static partial void MendedAtLast(this ILogger logger, string flaw);

    [LoggerMessage(3352, LogLevel.Warning, "{Finding}")]
    public static partial void Found(this ILogger logger, string finding);

    [LoggerMessage(3353, LogLevel.Warning, "underlay address {Old} is gone, {New} of {Interface} takes its place; peers send to {PublicIp}")]
    public static partial void UnderlayMoved(this ILogger logger, IPAddress old, IPAddress @new, string @interface, IPAddress publicIp);

    [LoggerMessage(3354, LogLevel.Warning,
        "MTU of the overlay {Old} -> {New}, as {Interface} has {LinkMtu}; the subnet file follows, running containers and docker0 keep theirs until Docker is restarted and they are made anew")]
    public static partial void MtuFollowed(this ILogger logger, int old, int @new, string @interface, int linkMtu);

    [LoggerMessage(3355, LogLevel.Debug, "the kernel had more network events than could be taken in ({Overruns} times): everything was looked at anew")]
    public static partial void EventsOverrun(this ILogger logger, long overruns);

    [LoggerMessage(3356, LogLevel.Warning, "this host's network cannot be looked at now: {Problem}")]
    public static partial void CannotLook(this ILogger logger, string problem);

    [LoggerMessage(3359, LogLevel.Information, "this host's network can be looked at again")]
    public static partial void LooksAgain(this ILogger logger);

    [LoggerMessage(3360, LogLevel.Warning, "{Trouble}: peers are not reached meanwhile; \"ip -br address\" shows what is there, dmesg and what manages this network (networkctl, nmcli) may tell why")]
    public static partial void UnderlayTrouble(this ILogger logger, string trouble);

    [LoggerMessage(3361, LogLevel.Information, "underlay {Interface}, {Address} is in order again after {Seconds} s")]
    public static partial void UnderlayWell(this ILogger logger, string @interface, IPAddress address, double seconds);
}
