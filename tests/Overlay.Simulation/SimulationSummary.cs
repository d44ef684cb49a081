namespace Overlay.Simulation;

/// <summary>What came of many schedules.</summary>
public sealed class SimulationSummary
{
    private readonly List<ScheduleResult> _failures = [];

    public int Schedules { get; private set; }

    public long Steps { get; private set; }

    public FaultCounts Faults { get; } = new();

    /// <summary>The schedules that broke a rule, by seed.</summary>
    public IReadOnlyList<ScheduleResult> Failures => _failures;

    public ScheduleResult? FirstFailure => _failures.Count > 0 ? _failures[0] : null;

    public void Take(ScheduleResult result)
    {
        Schedules++;
        Steps += result.Steps;
        Faults.Add(result.Faults);
        if (result.Violation is null)
            return;
        _failures.Add(result);
        _failures.Sort((a, b) => a.Seed.CompareTo(b.Seed));
    }
}
