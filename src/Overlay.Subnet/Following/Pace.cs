namespace Overlay.Subnet.Following;

/// <summary>
/// Keeps work that is asked for again and again to a fifth of one core: the first is due at once, each further one after a rest of four times
/// what the last one took, a second at most. Cheap work is thus hardly ever held back, expensive work is done less often. Not safe for
/// concurrent use.
/// </summary>
internal sealed class Pace(TimeProvider time)
{
    private const int RestPerWork = 4;
    private static readonly TimeSpan MostRest = TimeSpan.FromSeconds(1);

    private long _ended;
    private TimeSpan _rest;

    /// <summary>How long to hold back; zero when work is due.</summary>
    public TimeSpan Remaining => _rest - time.GetElapsedTime(_ended) is { Ticks: > 0 } remaining ? remaining : TimeSpan.Zero;

    /// <summary>Does the work and measures it.</summary>
    public void Run(Action work)
    {
        long began = time.GetTimestamp();
        work();
        _ended = time.GetTimestamp();
        TimeSpan rest = time.GetElapsedTime(began, _ended) * RestPerWork;
        _rest = rest < MostRest ? rest : MostRest;
    }
}
