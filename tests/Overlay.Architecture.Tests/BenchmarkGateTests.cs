using System.Diagnostics;

namespace Overlay.Architecture.Tests;

public sealed class BenchmarkGateTests
{
    [Fact]
    public async Task Every_benchmark_runs_and_allocates_no_more_than_it_may()
    {
        // Built by the solution beside this project, in the same configuration.
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string program = Path.Combine(Repository.Root, "bench/Overlay.Bench/bin", configuration, "net10.0/Overlay.Bench.dll");
        Assert.True(File.Exists(program), $"{program} is missing: build the whole solution");

        // BenchmarkDotNet leaves its reports where it is started.
        DirectoryInfo folder = Directory.CreateTempSubdirectory("overlay-bench-");
        ProcessStartInfo start = new("dotnet", [program, "gate", Path.Combine(Repository.Root, "bench/allocations.json")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder.FullName,
        };
        // Compiled once and for good at the first call: a compilation beside the run allocates in its own name but is counted to the benchmark.
        start.Environment["DOTNET_TieredCompilation"] = "0";
        using Process gate = Process.Start(start)!;
        Task<string> errors = gate.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await gate.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await gate.WaitForExitAsync(TestContext.Current.CancellationToken);
        folder.Delete(recursive: true);

        string verdicts = string.Join('\n', output.Split('\n').Where(line => line.StartsWith("FAIL", StringComparison.Ordinal)));
        Assert.True(gate.ExitCode == 0, verdicts.Length > 0 ? verdicts : output + await errors);
    }
}
