using Overlay.Simulation.Rules;

namespace Overlay.Simulation;

/// <summary>How a schedule ended.</summary>
/// <param name="Seed">Which.</param>
/// <param name="Violation">The rule that was broken; null when none was.</param>
/// <param name="Message">By what.</param>
/// <param name="Steps">How many events it took.</param>
/// <param name="Faults">What was put in.</param>
/// <param name="Trace">What happened, if traced.</param>
public sealed record ScheduleResult(int Seed, ViolationKind? Violation, string Message, int Steps, FaultCounts Faults, string Trace);
