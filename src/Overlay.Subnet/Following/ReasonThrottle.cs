using Overlay.Subnet.Store;

namespace Overlay.Subnet.Following;

/// <summary>
/// Keeps a retry loop's log readable: a reason passes when it is a new one, and again once a minute; once in ten seconds where it keeps coming
/// back after successes. Not safe for concurrent use.
/// </summary>
internal sealed class ReasonThrottle(TimeProvider time)
{
    private static readonly TimeSpan Repeat = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RepeatAfterSuccess = TimeSpan.FromSeconds(10);
    private const int MaxReasons = 32;

    private readonly Dictionary<string, (long At, int Episode)> _lastLogged = [];
    private int _episode;

    /// <summary>Tells whether to log <paramref name="failure"/> now.</summary>
    public bool ShouldLog(StoreException failure) => ShouldLog(failure.Trouble);

    /// <summary>Tells whether to log <paramref name="reason"/> now.</summary>
    public bool ShouldLog(string reason)
    {
        long now = time.GetTimestamp();
        if (_lastLogged.TryGetValue(reason, out (long At, int Episode) last)
            && time.GetElapsedTime(last.At, now) < (last.Episode == _episode ? Repeat : RepeatAfterSuccess))
            return false;
        if (_lastLogged.Count >= MaxReasons)
            _lastLogged.Clear();
        _lastLogged[reason] = (now, _episode);
        return true;
    }

    /// <summary>Says that there was a success: what fails from now on fails anew.</summary>
    public void Reset() => _episode++;
}
