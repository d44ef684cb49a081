using Microsoft.Extensions.Logging;
using Overlay.Agent.Startup;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Agent.Healing;

/// <summary>
/// Mends flaws at a bounded rate: <see cref="AtOnce"/> of a thing without delay, and one more for each <see cref="Pace"/> that passes. So
/// another program that wants it otherwise costs neither of the two a processor, nor the log more than a few lines a minute, and what breaks
/// once in a while is mended at once even in the middle of such a fight.
/// </summary>
/// <remarks>Used by one caller at a time. A round is from <see cref="BeginRound"/> to the next.</remarks>
internal sealed class Repairs(TimeProvider time, ILogger log)
{
    /// <summary>Mends of one thing that are done without delay after a time of calm.</summary>
    public const int AtOnce = 10;   // of one cause may follow several flaws of several things

    /// <summary>
    /// Time between two mends of one thing that is broken again each time: as long as a thing may stay broken in a fight, well within the second
    /// that is promised.
    /// </summary>
    public static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(200);   // before what has failed is tried again
    private static readonly TimeSpan LineEvery = TimeSpan.FromMinutes(1);

    private readonly long _start = time.GetTimestamp();
    private readonly Dictionary<string, History> _things = [];
    private readonly Dictionary<string, string> _troubles = [];

    /// <summary>What is wrong after this round, in words; null for nothing.</summary>
    public string? Trouble => _troubles.Count == 0 ? null : string.Join("; ", _troubles.Values);

    /// <summary>When to try again what was left in this round; null for nothing.</summary>
    public TimeSpan? NextTry { get; private set; }

    private TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>A new look at the host begins.</summary>
    public void BeginRound()
    {
        NextTry = null;
        _troubles.Clear();
    }

    /// <summary>Mends a flaw, now or in a later round.</summary>
    public void Mend(Flaw flaw)
    {
        if (!_things.TryGetValue(flaw.Thing, out History? history)) _things[flaw.Thing] = history = new History();
        TimeSpan wait = history.WaitAt(Now);
        if (wait > TimeSpan.Zero)
        {
            _troubles[flaw.Thing] = history.Failure ?? $"{flaw.Found}; another program undoes each mend, the next is in {Math.Ceiling(wait.TotalSeconds)} s";
            Again(wait);
            return;
        }
        history.CountAt(Now);
        try
        {
            flaw.Mend();
            SayMended(history, flaw.Found);
        }
        catch (Exception e) when (e is LinuxException or CannotStartException)
        {
            history.Failure = _troubles[flaw.Thing] = $"{flaw.Found}; {e.Message}";
            SayFailed(history);
            TimeSpan pause = history.WaitAt(Now);
            Again(pause > LeastPause ? pause : LeastPause);
        }
    }

    private void Again(TimeSpan wait) => NextTry = NextTry is { } next && next < wait ? next : wait;

    private void SayMended(History history, string found)
    {
        history.Failure = null;
        history.Unsaid++;
        if (history.FailureStands) log.MendedAtLast(found);   // or the last word on it would be that it cannot be
        else if (!IsDue(history.LastMended)) return;
        else if (history.Unsaid == 1) log.Mended(found);
        else log.MendedAgain(found, history.Unsaid);
        (history.FailureStands, history.LastMended, history.Unsaid) = (false, Now, 0);
    }

    private void SayFailed(History history)
    {
        if (!IsDue(history.LastFailed)) return;
        log.NotMended(history.Failure!);
        (history.FailureStands, history.LastFailed) = (true, Now);
    }

    private bool IsDue(TimeSpan? last) => last is null || Now - last >= LineEvery;

    private sealed class History
    {
        private TimeSpan _paidUntil;   // each mend pushes it on by one pace

        /// <summary>Why the last try failed; null where it did not.</summary>
        public string? Failure { get; set; }

        /// <summary>Whether the log's last word is that it cannot be mended.</summary>
        public bool FailureStands { get; set; }

        public TimeSpan? LastMended { get; set; }

        public TimeSpan? LastFailed { get; set; }

        /// <summary>Mends that no line has told of.</summary>
        public int Unsaid { get; set; }

        public TimeSpan WaitAt(TimeSpan now) => _paidUntil - now - Pace * (AtOnce - 1);

        public void CountAt(TimeSpan now) => _paidUntil = (_paidUntil > now ? _paidUntil : now) + Pace;
    }
}
