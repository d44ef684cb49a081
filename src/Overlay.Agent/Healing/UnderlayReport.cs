using Microsoft.Extensions.Logging;
using Overlay.Agent.Startup;

namespace Overlay.Agent.Healing;

/// <summary>
/// Tells the log of an underlay that is down or has lost its address, once it has been so for <see cref="Lasting"/>, and of the end of what it
/// told; a link that flaps makes a pair of lines a minute at most.
/// </summary>
/// <remarks>Used by one caller at a time.</remarks>
internal sealed class UnderlayReport(TimeProvider time, ILogger log)
{
    /// <summary>A trouble that is shorter is no news: a link that is restarted, an address that is replaced.</summary>
    public static readonly TimeSpan Lasting = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LineEvery = TimeSpan.FromMinutes(1);

    private long? _since;
    private long? _lastLine;
    private bool _isSaid;

    /// <summary>Takes what a look has found.</summary>
    /// <param name="trouble">What is wrong, in words; null for nothing.</param>
    /// <param name="underlay">What is in use.</param>
    /// <returns>When to look again to tell of it; null for at leisure.</returns>
    public TimeSpan? Take(string? trouble, UnderlayChoice underlay)
    {
        if (trouble is null)
        {
            if (_isSaid) log.UnderlayWell(underlay.Link.Name, underlay.Address, Math.Round(time.GetElapsedTime(_since!.Value).TotalSeconds));
            (_since, _isSaid) = (null, false);
            return null;
        }
        _since ??= time.GetTimestamp();
        if (_isSaid) return null;
        TimeSpan wait = Lasting - time.GetElapsedTime(_since.Value);
        if (_lastLine is { } last && LineEvery - time.GetElapsedTime(last) is var rest && rest > wait) wait = rest;
        if (wait > TimeSpan.Zero) return wait;
        log.UnderlayTrouble(trouble);
        (_isSaid, _lastLine) = (true, time.GetTimestamp());
        return null;
    }
}
