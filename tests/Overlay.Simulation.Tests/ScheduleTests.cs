namespace Overlay.Simulation.Tests;

/// <summary>The lease protocol in worlds full of faults.</summary>
public sealed class ScheduleTests
{
    private const int Schedules = 10_000;

    [Fact]
    public void R13_no_rule_is_broken_in_10_000_schedules()
    {
        SimulationSummary summary = SimulationRunner.Run(1, Schedules, Environment.ProcessorCount, new SimulationOptions(), (done, failed) =>
            TestContext.Current.SendDiagnosticMessage($"{done} of {Schedules} schedules, {failed} broke a rule"));
        if (summary.FirstFailure is { } failure)
        {
            string trace = Schedule.Run(failure.Seed, new SimulationOptions(), isTraced: true).Trace;
            Assert.Fail($"{trace}seed {failure.Seed}: {failure.Violation}: {failure.Message} ({summary.Failures.Count} of {summary.Schedules} failed)\n"
                + $"again: ./simulate.sh --seed {failure.Seed} --trace");
        }
        Assert.Equal(Schedules, summary.Schedules);
        Assert.All(Enum.GetValues<Fault>(), fault => Assert.True(summary.Faults[fault] > 10, $"{fault} was hardly ever put in: {summary.Faults[fault]} times"));
    }

    [Fact]
    public void A_seed_gives_the_same_trace_each_time_and_another_seed_another()
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            string trace = Schedule.Run(seed, new SimulationOptions(), isTraced: true).Trace;
            Assert.Equal(trace, Schedule.Run(seed, new SimulationOptions(), isTraced: true).Trace);
            Assert.NotEqual(trace, Schedule.Run(seed + 1, new SimulationOptions(), isTraced: true).Trace);
        }
    }

    [Fact]
    public async Task A_seed_gives_the_same_trace_in_another_process()
    {
        // Strings hash differently in each process: an order taken from a hash table would show here.
        using var output = new StringWriter();
        Assert.Equal(0, SimulationCommand.Run(["--seed", "7", "--trace"], output));
        var start = new System.Diagnostics.ProcessStartInfo(Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath : "dotnet")
        {
            ArgumentList = { typeof(Schedule).Assembly.Location, "--seed", "7", "--trace" },
            RedirectStandardOutput = true,
        };
        using var process = System.Diagnostics.Process.Start(start)!;
        string other = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(output.ToString(), other);
    }
}
