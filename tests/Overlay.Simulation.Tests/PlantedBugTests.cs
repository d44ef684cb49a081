using Overlay.Simulation.Rules;
using Overlay.Simulation.Sabotage;

namespace Overlay.Simulation.Tests;

/// <summary>A simulation that finds nothing may be blind: each of these mistakes must be found, and soon.</summary>
public sealed class PlantedBugTests
{
    [Theory]
    [InlineData(PlantedBug.UnconditionalPut, ViolationKind.OverwroteAnother, 200)]
    [InlineData(PlantedBug.UnconditionalOverwrite, ViolationKind.OverwroteAnother, 500)]
    [InlineData(PlantedBug.UnconditionalDelete, ViolationKind.OverwroteAnother, 1000)]
    [InlineData(PlantedBug.DroppedReread, ViolationKind.SharedEtcdLease, 200)]
    [InlineData(PlantedBug.HopedFor, ViolationKind.UnbackedClaim, 200)]
    [InlineData(PlantedBug.StaleSnapshot, ViolationKind.WrongTable, 200)]
    [InlineData(PlantedBug.DroppedDelete, ViolationKind.WrongTable, 200)]
    [InlineData(PlantedBug.ExpiredStillOurs, ViolationKind.UnbackedClaim, 200)]
    [InlineData(PlantedBug.OverlookedOverlap, ViolationKind.Overlap, 200)]
    [InlineData(PlantedBug.NoSecondLook, ViolationKind.NotSettled, 200)]
    [InlineData(PlantedBug.DoubtfulLeaseKept, ViolationKind.SharedEtcdLease, 200)]
    [InlineData(PlantedBug.OverratedLease, ViolationKind.Lapsed, 200)]
    public void A_planted_bug_is_found(PlantedBug bug, ViolationKind kind, int seeds)
    {
        var options = new SimulationOptions { Bug = bug };
        var seen = new HashSet<ViolationKind?>();
        for (int seed = 1; seed <= seeds && !seen.Contains(kind); seed++)
            seen.Add(Schedule.Run(seed, options).Violation);
        Assert.True(seen.Contains(kind), $"{bug} was not found as {kind} in {seeds} seeds, but as: {string.Join(", ", seen)}");
    }
}
