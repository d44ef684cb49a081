namespace Overlay.Simulation.Rules;

/// <summary>A rule was broken; ends the schedule.</summary>
public sealed class ViolationException(ViolationKind kind, string message) : Exception(message)
{
    public ViolationKind Kind { get; } = kind;
}
