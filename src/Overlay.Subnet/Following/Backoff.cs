namespace Overlay.Subnet.Following;

/// <summary>
/// The one retry policy: delays double from a least to a most, each drawn at random from the upper half, so that a thousand agents do not
/// come back in step. One instance per loop; not safe for concurrent use.
/// </summary>
public sealed class Backoff
{
    /// <summary>The longest delay where nothing else is asked for.</summary>
    public static readonly TimeSpan DefaultMost = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private readonly TimeSpan _least;
    private readonly Random _random;
    private TimeSpan _next;

    /// <summary>Creates a policy of 100 ms to 5 s, or other limits.</summary>
    public Backoff(TimeProvider time, TimeSpan? least = null, TimeSpan? most = null, Random? random = null)
    {
        _time = time;
        _least = least ?? TimeSpan.FromMilliseconds(100);
        Most = most ?? DefaultMost;
        _random = random ?? Random.Shared;
        _next = _least;
    }

    /// <summary>The longest delay, from the next one on.</summary>
    public TimeSpan Most { get; set; }

    /// <summary>The next delay; each call doubles the one after.</summary>
    public TimeSpan Next()
    {
        TimeSpan full = _next < Most ? _next : Most;
        _next = full + full;
        return full * (0.5 + _random.NextDouble() / 2);
    }

    /// <summary>Waits for the next delay.</summary>
    public Task DelayAsync(CancellationToken cancellationToken) => Pause.ForAsync(Next(), _time, cancellationToken);

    /// <summary>Waits for a random part of a time over which all who do the same shall spread.</summary>
    public Task SpreadAsync(TimeSpan over, CancellationToken cancellationToken) => Pause.ForAsync(over * _random.NextDouble(), _time, cancellationToken);

    /// <summary>Starts again from the least delay, after a success.</summary>
    public void Reset() => _next = _least;
}
