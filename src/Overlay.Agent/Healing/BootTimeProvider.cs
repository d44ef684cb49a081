using Overlay.Encap.Linux.Clock;

namespace Overlay.Agent.Healing;

/// <summary>
/// The system's clock with timestamps that go on while the machine is suspended (CLOCK_BOOTTIME): etcd's leases run out meanwhile, too. The
/// kernel's timers stand still in that time, so a long wait is cut into short ones, and one whose time came during the sleep ends at most
/// <see cref="Step"/> after it.
/// </summary>
/// <param name="now">The clock, in nanoseconds; <see cref="BootClock.Now"/> but in tests.</param>
public sealed class BootTimeProvider(Func<long> now) : TimeProvider
{
    /// <summary>Longest wait without a look at the clock.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    /// <summary>By the machine's clock.</summary>
    public static BootTimeProvider Machine { get; } = new(BootClock.Now);

    /// <inheritdoc/>
    public override long TimestampFrequency => BootClock.Frequency;

    /// <inheritdoc/>
    public override long GetTimestamp() => now();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new Timer(this, callback, state, dueTime, period);

    private sealed class Timer : ITimer
    {
        private readonly BootTimeProvider _clock;
        private readonly TimerCallback _callback;
        private readonly object? _state;
        private readonly Lock _gate = new();
        private readonly ITimer _ticks;
        private long? _due;   // null: not set
        private TimeSpan _period;
        private bool _isDisposed;

        public Timer(BootTimeProvider clock, TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            (_clock, _callback, _state) = (clock, callback, state);
            _ticks = System.CreateTimer(static timer => ((Timer)timer!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            Change(dueTime, period);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (_gate)
            {
                if (_isDisposed) return false;
                _due = dueTime == Timeout.InfiniteTimeSpan ? null : _clock.GetTimestamp() + (long)dueTime.TotalNanoseconds;
                _period = period;
                Wind();
                return true;
            }
        }

        public void Dispose()
        {
            lock (_gate)
            {
                _isDisposed = true;
                _ticks.Dispose();
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Tick()
        {
            lock (_gate)
            {
                if (_isDisposed || _due is not { } due) return;
                if (_clock.GetTimestamp() < due)
                {
                    Wind();
                    return;
                }
                bool repeats = _period > TimeSpan.Zero;
                _due = repeats ? _clock.GetTimestamp() + (long)_period.TotalNanoseconds : null;
                Wind();
            }
            _callback(_state);
        }

        private void Wind()
        {
            if (_due is not { } due)
            {
                _ticks.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                return;
            }
            // A timer of .NET counts whole milliseconds: rounded up, or the last of them would be spent turning round and round.
            double left = Math.Ceiling(Math.Max(0, due - _clock.GetTimestamp()) / 1e6);
            _ticks.Change(TimeSpan.FromMilliseconds(Math.Min(left, Step.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        }
    }
}
