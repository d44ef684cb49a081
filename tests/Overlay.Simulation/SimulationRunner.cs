namespace Overlay.Simulation;

/// <summary>Runs many seeds on some threads, each schedule on one.</summary>
public static class SimulationRunner
{
    private static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(10);
    /// <summary>Of a mistake that breaks every schedule, so many are enough: no more seeds are begun then.</summary>
    public const int MostFailures = 100;

    /// <summary>Runs them all, or until very many have failed.</summary>
    /// <param name="first">The first seed.</param>
    /// <param name="schedules">How many.</param>
    /// <param name="threads">At a time.</param>
    /// <param name="options">What to simulate.</param>
    /// <param name="report">Told now and then how many are done and how many of them failed.</param>
    public static SimulationSummary Run(int first, int schedules, int threads, SimulationOptions options, Action<int, int>? report = null)
    {
        var summary = new SimulationSummary();
        var gate = new Lock();
        int next = 0;
        long lastReport = Environment.TickCount64;
        void Work()
        {
            while (Interlocked.Increment(ref next) - 1 is int index && index < schedules)
            {
                ScheduleResult result = Schedule.Run(first + index, options);
                lock (gate)
                {
                    summary.Take(result);
                    if (summary.Failures.Count >= MostFailures)
                        next = schedules;
                    if (Environment.TickCount64 - lastReport > ReportEvery.TotalMilliseconds)
                    {
                        lastReport = Environment.TickCount64;
                        report?.Invoke(summary.Schedules, summary.Failures.Count);
                    }
                }
            }
        }
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(i => new Thread(Work) { Name = $"simulation {i}" })];
        Array.ForEach(workers, worker => worker.Start());
        Array.ForEach(workers, worker => worker.Join());
        return summary;
    }
}
