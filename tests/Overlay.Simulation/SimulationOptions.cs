using Overlay.Simulation.Sabotage;

namespace Overlay.Simulation;

/// <summary>What to simulate, the same for all seeds.</summary>
public sealed record SimulationOptions
{
    /// <summary>How many agents; null: two to five, by the seed.</summary>
    public int? Agents { get; init; }

    /// <summary>A mistake to put into every agent.</summary>
    public PlantedBug Bug { get; init; }
}
