using System.Diagnostics;
using System.Globalization;
using Overlay.Simulation.Sabotage;

namespace Overlay.Simulation;

/// <summary>The command line: many seeds, or one with its trace.</summary>
public static class SimulationCommand
{
    private static readonly string Usage = $"""
        overlay-simulation: runs the lease protocol of many agents in simulated worlds full of faults and checks that its rules hold.

          --schedules N     how many seeds to run (default 10000)
          --first-seed N    the first of them (default 1)
          --seed N          one seed only
          --trace           print what happens in it
          --agents N        agents in each world (default: two to five, by the seed)
          --threads N       seeds at a time (default: one for each processor)
          --bug NAME        put a mistake into every agent: {string.Join(", ", Enum.GetNames<PlantedBug>()[1..])}

        Exit code 1 when a rule was broken: the seed, its trace and the command to run it again are printed. 2 for wrong arguments.
        """;

    /// <summary>Runs.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args, TextWriter output)
    {
        var options = new SimulationOptions();
        int schedules = 10_000, first = 1, threads = Environment.ProcessorCount;
        bool isTraced = false;
        for (int i = 0; i < args.Length; i++)
        {
            string value = i + 1 < args.Length ? args[i + 1] : "";
            bool isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number);
            switch (args[i])
            {
                case "--trace":
                    isTraced = true;
                    continue;
                case "--seed" when isNumber:
                    (first, schedules) = (number, 1);
                    break;
                case "--schedules" when isNumber:
                    schedules = number;
                    break;
                case "--first-seed" when isNumber:
                    first = number;
                    break;
                case "--agents" when isNumber && number is > 0 and < 200:
                    options = options with { Agents = number };
                    break;
                case "--threads" when isNumber && number > 0:
                    threads = number;
                    break;
                case "--bug" when Enum.TryParse(value, out PlantedBug bug) && Enum.IsDefined(bug):
                    options = options with { Bug = bug };
                    break;
                default:
                    output.WriteLine(Usage);
                    return args[i] is "--help" or "-h" ? 0 : 2;
            }
            i++;
        }
        return schedules == 1 ? One(first, options, isTraced, output) : Many(first, schedules, threads, options, output);
    }

    private static int One(int seed, SimulationOptions options, bool isTraced, TextWriter output)
    {
        ScheduleResult result = Schedule.Run(seed, options, isTraced: true);
        if (isTraced || result.Violation is not null)
            output.Write(result.Trace);
        output.WriteLine(result.Violation is null ? $"seed {seed}: no rule broken in {result.Steps} steps" : Verdict(result, options));
        return result.Violation is null ? 0 : 1;
    }

    private static int Many(int first, int schedules, int threads, SimulationOptions options, TextWriter output)
    {
        var clock = Stopwatch.StartNew();
        SimulationSummary summary = SimulationRunner.Run(first, schedules, threads, options, (done, failed) =>
        {
            lock (output)
                output.WriteLine($"{done} of {schedules} schedules, {failed} broke a rule, {done / clock.Elapsed.TotalSeconds:0} a second");
        });
        if (summary.FirstFailure is { } failure)
        {
            output.Write(Schedule.Run(failure.Seed, options, isTraced: true).Trace);
            foreach (ScheduleResult failed in summary.Failures.Take(20))
                output.WriteLine($"seed {failed.Seed}: {failed.Violation}: {failed.Message}");
            output.WriteLine(Verdict(failure, options));
        }
        output.WriteLine($"faults put in: {summary.Faults}");
        string end = summary.Schedules < schedules ? $", ended early: {SimulationRunner.MostFailures} failures are enough" : "";
        output.WriteLine($"{summary.Schedules} of {schedules} schedules from seed {first} on{end}, {summary.Failures.Count} broke a rule, {summary.Steps} steps, "
            + $"{summary.Schedules / clock.Elapsed.TotalSeconds:0} schedules a second");
        return summary.Failures.Count == 0 ? 0 : 1;
    }

    private static string Verdict(ScheduleResult result, SimulationOptions options)
    {
        string agents = options.Agents is int number ? $" --agents {number}" : "";
        string bug = options.Bug == PlantedBug.None ? "" : $" --bug {options.Bug}";
        return $"BROKEN in seed {result.Seed}: {result.Violation}: {result.Message}\nagain: ./simulate.sh --seed {result.Seed} --trace{agents}{bug}";
    }
}
