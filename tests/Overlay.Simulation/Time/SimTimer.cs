namespace Overlay.Simulation.Time;

/// <summary>A timer by a process's clock, whose callback runs inline in the simulation's loop.</summary>
public sealed class SimTimer : ITimer
{
    private readonly SimProcess _process;
    private readonly Action _callback;
    private SimEvent? _planned;
    private TimeSpan _due;
    private TimeSpan _period;

    public SimTimer(SimProcess process, Action callback, TimeSpan dueTime, TimeSpan period)
    {
        (_process, _callback) = (process, callback);
        Change(dueTime, period);
    }

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        _planned?.Cancel();
        _planned = null;
        _period = period;
        if (dueTime != Timeout.InfiniteTimeSpan)
            Plan(dueTime);
        return true;
    }

    public void Dispose()
    {
        _planned?.Cancel();
        _planned = null;
        _process.Forget(this);
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }

    internal void Postpone(TimeSpan missed)
    {
        if (_planned is null)
            return;
        _planned.Cancel();
        Plan(_due + missed - _process.Clock.Now);
    }

    private void Plan(TimeSpan delay)
    {
        _due = _process.Clock.Now + delay;
        _planned = _process.Clock.After(delay, _process, Fire);
    }

    private void Fire()
    {
        _planned = null;
        if (_period > TimeSpan.Zero)
            Plan(_period);
        _callback();
    }
}
