using Microsoft.Extensions.Logging;
using Overlay.Agent.Startup;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Agent.Healing;

/// <summary>
/// Mends flaws at a bounded rate: the first few of a thing at once, then ever less often, so that another program that wants it otherwise
/// costs neither of the two a processor, nor the log more than a line a minute for each thing.
/// </summary>
/// <remarks>Used by one caller at a time. A round is from <see cref="BeginRound"/> to the next.</remarks>
internal sealed class Repairs(TimeProvider time, ILogger log)
{
    /// <summary>Mends of one thing that are done at once.</summary>
    public const int Free = 10;   // of one cause may follow several flaws of several things

    /// <summary>Longest time between two mends of one thing.</summary>
    public static readonly TimeSpan MostHold = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LeastHold = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Calm = TimeSpan.FromMinutes(1);   // without a flaw: the fight is over
    private static readonly TimeSpan LineEvery = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, History> _things = [];
    private readonly Dictionary<string, string> _failures = [];

    /// <summary>What could not be mended in this round, in words; null for nothing.</summary>
    public string? Trouble => _failures.Count == 0 ? null : string.Join("; ", _failures.Values);

    /// <summary>When to try again what was left in this round; null for nothing.</summary>
    public TimeSpan? NextTry { get; private set; }

    /// <summary>A new look at the host begins.</summary>
    public void BeginRound()
    {
        NextTry = null;
        _failures.Clear();
    }

    /// <summary>Mends a flaw, now or in a later round.</summary>
    public void Mend(Flaw flaw)
    {
        if (!_things.TryGetValue(flaw.Thing, out History? history)) _things[flaw.Thing] = history = new History();
        TimeSpan since = history.Tries == 0 ? TimeSpan.MaxValue : time.GetElapsedTime(history.LastTry);
        if (since > Calm) history.Tries = 0;
        TimeSpan hold = HoldAfter(history.Tries);
        if (since < hold)
        {
            _failures[flaw.Thing] = history.Failure ?? $"{flaw.Found}; mended {history.Tries} times, next in {Math.Ceiling((hold - since).TotalSeconds)} s";
            Again(hold - since);
            return;
        }
        history.Tries++;
        history.LastTry = time.GetTimestamp();
        try
        {
            flaw.Mend();
            history.Failure = null;
            Say(history, flaw.Found);
        }
        catch (Exception e) when (e is LinuxException or CannotStartException)
        {
            string failure = $"{flaw.Found}; {e.Message}";
            if (history.Failure is null) history.LastLine = null;   // what it was before says nothing of this
            history.Failure = failure;
            _failures[flaw.Thing] = failure;
            Say(history, failure);
            Again(HoldAfter(history.Tries) is var next && next > LeastHold ? next : LeastHold);
        }
    }

    private static TimeSpan HoldAfter(int tries) =>
        tries < Free ? TimeSpan.Zero : LeastHold * Math.Pow(2, Math.Min(tries - Free, 10)) is var hold && hold < MostHold ? hold : MostHold;

    private void Again(TimeSpan wait) => NextTry = NextTry is { } next && next < wait ? next : wait;

    private void Say(History history, string text)
    {
        history.Unsaid++;
        if (history.LastLine is { } last && time.GetElapsedTime(last) < LineEvery) return;
        if (history.Failure is null) log.Mended(text, history.Unsaid);
        else log.NotMended(text);
        (history.LastLine, history.Unsaid) = (time.GetTimestamp(), 0);
    }

    private sealed class History
    {
        public int Tries { get; set; }

        public long LastTry { get; set; }

        public long? LastLine { get; set; }

        public int Unsaid { get; set; }

        public string? Failure { get; set; }
    }
}
