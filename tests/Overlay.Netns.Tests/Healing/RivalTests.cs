using System.Diagnostics;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Healing;

/// <summary>Another program that wants it otherwise, again and again. With an agent of its own: the fight makes that one wait.</summary>
public sealed class RivalTests(HealingFixture overlay) : IClassFixture<HealingFixture>
{
    [Fact]
    public async Task K4_a_program_that_deletes_our_route_each_time_is_met_at_a_bounded_rate_and_does_not_win()
    {
        string shape = overlay.Shape();
        NetworkNamespace space = overlay.Node.Host.Namespace;

        int fights = 0;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(3))
        {
            if (space.Run("ip", "route", "delete", "10.1.0.0/16", "dev", "flannel.1").ExitCode == 0) fights++;
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
        TimeSpan fought = Stopwatch.GetElapsedTime(start);

        // Ours before the fight, ten times at once, then twice a second.
        Assert.InRange(fights, 2, 11 + (int)(fought.TotalSeconds * 2) + 1);
        await Eventually.TrueAsync(() => overlay.Shape() == shape, "the route is there again", () => overlay.Node.Agent.LogText);
        Assert.Equal(1, overlay.Node.Agent.Count("overlay device mended"));   // the next such line is a minute away
    }
}
