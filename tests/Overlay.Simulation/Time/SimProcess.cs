namespace Overlay.Simulation.Time;

/// <summary>
/// One life of an agent's process, and the clock that its code sees. It can be stopped and continued (its clock runs on, as under SIGSTOP), put
/// to sleep with its machine (its monotonic clock stands still, as CLOCK_MONOTONIC does), and killed, after which nothing of it ever runs.
/// </summary>
public sealed class SimProcess(SimClock clock) : TimeProvider
{
    private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<SimTimer> _timers = [];
    private readonly List<SimEvent> _held = [];
    private TimeSpan _pausedAt;

    public SimClock Clock => clock;

    public bool IsDead { get; private set; }

    public bool IsPaused { get; private set; }

    /// <summary>When it was last continued after a pause; null when it never was.</summary>
    public TimeSpan? ContinuedAt { get; private set; }

    /// <summary>How long its machine has slept so far.</summary>
    public TimeSpan Slept { get; private set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Epoch + clock.Now;

    public override long GetTimestamp()
    {
        clock.CheckThread();
        return (clock.Now - Slept).Ticks;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SimTimer(this, () => callback(state), dueTime, period);
        _timers.Add(timer);
        return timer;
    }

    public void Kill() => IsDead = true;

    public void Pause()
    {
        IsPaused = true;
        _pausedAt = clock.Now;
    }

    /// <summary>Continues: what came meanwhile is handled now, in the order in which it came.</summary>
    /// <param name="slept">The machine slept: its timers have as long to go as when it fell asleep.</param>
    public void Continue(bool slept)
    {
        IsPaused = false;
        ContinuedAt = clock.Now;
        TimeSpan missed = clock.Now - _pausedAt;
        if (slept)
        {
            Slept += missed;
            foreach (SimTimer timer in _timers.ToArray())
                timer.Postpone(missed);
        }
        foreach (SimEvent held in _held)
        {
            if (!held.IsCancelled)
                clock.After(TimeSpan.Zero, this, held.Run);
        }
        _held.Clear();
    }

    internal void Hold(SimEvent planned) => _held.Add(planned);

    internal void Forget(SimTimer timer) => _timers.Remove(timer);
}
