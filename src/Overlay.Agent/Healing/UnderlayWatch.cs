using System.Net;
using Overlay.Agent.Configuration;
using Overlay.Agent.Startup;

namespace Overlay.Agent.Healing;

/// <summary>
/// Follows the underlay's interface and address (FAULTS K1, K2). As long as the address is on this host it is kept, whatever becomes of
/// interfaces, routes and other addresses around it; once it is gone, what the start-up rules choose then takes its place, if it has
/// lasted for <see cref="Settle"/>: an interface that is restarted loses its address for a moment.
/// </summary>
/// <remarks>Used by one caller at a time.</remarks>
internal sealed class UnderlayWatch(UnderlaySettings settings, Action<UnderlayChoice> check, UnderlayChoice chosen, TimeProvider time)
{
    /// <summary>How long another address has to stand before it is taken.</summary>
    public static readonly TimeSpan Settle = TimeSpan.FromSeconds(1.5);

    private IPAddress? _candidate;
    private long _since;

    /// <summary>What is in use.</summary>
    public UnderlayChoice Current { get; private set; } = chosen;

    /// <summary>What is wrong with it, in words; null for nothing.</summary>
    public string? Trouble { get; private set; }

    /// <summary>When to look again without an event; null for at leisure.</summary>
    public TimeSpan? NextLook { get; private set; }

    /// <summary>Takes a look.</summary>
    public void Look(HostNetwork host)
    {
        NextLook = null;
        if (UnderlayInterface.Owner(host, Current.Address) is { } link)
        {
            Trouble = link.IsUp ? null : $"underlay {link.Name} is down";
            _candidate = null;
            if (link.Mtu > 0) Current = Current with { Link = link };
            return;
        }
        try
        {
            UnderlayChoice next = UnderlayInterface.Choose(settings, host);
            check(next);
            Trouble = $"underlay address {Current.Address} is gone";
            Consider(next);
        }
        catch (CannotStartException e)
        {
            _candidate = null;
            Trouble = $"underlay address {Current.Address} is gone: {e.Message}";
        }
    }

    private void Consider(UnderlayChoice next)
    {
        if (!next.Address.Equals(_candidate)) (_candidate, _since) = (next.Address, time.GetTimestamp());
        TimeSpan left = Settle - time.GetElapsedTime(_since);
        if (left > TimeSpan.Zero)
        {
            NextLook = left;
            return;
        }
        (Current, Trouble, _candidate) = (next, null, null);
    }
}
