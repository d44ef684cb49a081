namespace Overlay.Subnet.Following;

/// <summary>
/// Keeps the log readable when others write nonsense, or much, into etcd: <see cref="Burst"/> lines at once, then one in
/// <see cref="Every"/>, and meanwhile the number of those left out. One instance for each kind of line. Safe for concurrent use.
/// </summary>
public sealed class LineBudget
{
    /// <summary>Lines that may follow upon each other after a time of silence.</summary>
    public const int Burst = 16;

    /// <summary>The time in which one more line is allowed, and after which those left out are summed up.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly Action<long> _sumUp;
    private readonly Lock _gate = new();
    private int _lines = Burst;
    private long _lastRefill;
    private long _leftOut;

    /// <summary>Creates a full budget.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="sumUp">Logs how many lines were left out in the last <see cref="Every"/>; called on another thread.</param>
    public LineBudget(TimeProvider time, Action<long> sumUp)
    {
        _time = time;
        _lastRefill = time.GetTimestamp();
        _sumUp = sumUp;
    }

    /// <summary>Whether the line may be logged; if not, it is counted.</summary>
    public bool TryTake()
    {
        lock (_gate)
        {
            long refills = _time.GetElapsedTime(_lastRefill).Ticks / Every.Ticks;
            if (refills > 0)
            {
                _lines = (int)Math.Min(Burst, _lines + refills);
                _lastRefill = _time.GetTimestamp();
            }
            if (_lines > 0)
            {
                _lines--;
                return true;
            }
            if (_leftOut++ == 0)
                _ = SumUpLaterAsync();
            return false;
        }
    }

    private async Task SumUpLaterAsync()
    {
        await Task.Delay(Every, _time).ConfigureAwait(false);
        long leftOut;
        lock (_gate)
        {
            leftOut = _leftOut;
            _leftOut = 0;
        }
        _sumUp(leftOut);
    }
}
