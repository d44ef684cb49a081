using Overlay.Subnet.Store;

namespace Overlay.Subnet.Following;

/// <summary>Keeps a retry loop's log readable: a reason passes when it is a new one, and again once a minute. Not safe for concurrent use.</summary>
internal sealed class ReasonThrottle(TimeProvider time)
{
    private static readonly TimeSpan Repeat = TimeSpan.FromMinutes(1);
    private const int MaxReasons = 32;

    private readonly Dictionary<string, long> _lastLogged = [];

    /// <summary>Tells whether to log <paramref name="failure"/> now. However contact is lost, and in whatever words: it is one reason.</summary>
    public bool ShouldLog(StoreException failure) => ShouldLog(failure.IsLossOfContact ? "" : failure.Message);

    /// <summary>Tells whether to log <paramref name="reason"/> now.</summary>
    public bool ShouldLog(string reason)
    {
        long now = time.GetTimestamp();
        if (_lastLogged.TryGetValue(reason, out long last) && time.GetElapsedTime(last, now) < Repeat)
            return false;
        if (_lastLogged.Count >= MaxReasons)
            _lastLogged.Clear();
        _lastLogged[reason] = now;
        return true;
    }

    /// <summary>Forgets all reasons, after a success.</summary>
    public void Reset() => _lastLogged.Clear();
}
