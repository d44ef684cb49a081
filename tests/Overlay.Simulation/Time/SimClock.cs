namespace Overlay.Simulation.Time;

/// <summary>
/// The world's time and everything that is still to happen in it. Two things due at one moment happen in the order in which they were planned,
/// so a run is the same each time. All of a schedule runs on the thread that made the clock; anything else is a bug of the simulation.
/// </summary>
public sealed class SimClock
{
    private readonly PriorityQueue<SimEvent, (TimeSpan Due, long Number)> _queue = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private long _number;

    /// <summary>Since the schedule began.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>Plans something; what is due in the past happens next.</summary>
    /// <param name="delay">From now.</param>
    /// <param name="process">Whose code runs: not while it is paused, nor after its death. Null for the world itself.</param>
    /// <param name="run">What happens.</param>
    public SimEvent After(TimeSpan delay, SimProcess? process, Action run)
    {
        CheckThread();
        var planned = new SimEvent(process, run);
        _queue.Enqueue(planned, (Now + (delay > TimeSpan.Zero ? delay : TimeSpan.Zero), _number++));
        return planned;
    }

    /// <summary>Moves time on to the next thing that is to happen.</summary>
    /// <returns>It, or null when nothing is left before <paramref name="limit"/>; then it is that late.</returns>
    public SimEvent? Next(TimeSpan limit)
    {
        while (_queue.TryPeek(out SimEvent? planned, out (TimeSpan Due, long Number) at) && at.Due <= limit)
        {
            _queue.Dequeue();
            if (planned.IsCancelled || planned.Process is { IsDead: true })
                continue;
            Now = at.Due;
            if (planned.Process is { IsPaused: true } paused)
                paused.Hold(planned);
            else
                return planned;
        }
        Now = limit > Now ? limit : Now;
        return null;
    }

    /// <summary>Fails when code under test has escaped to another thread, where its order would be left to chance.</summary>
    public void CheckThread()
    {
        if (Environment.CurrentManagedThreadId != _thread)
            throw new InvalidOperationException("code of the simulation ran on another thread: some continuation was not completed inline");
    }
}
