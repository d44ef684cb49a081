using System.Text.Json;
using BenchmarkDotNet.Reports;

namespace Overlay.Bench.Reporting;

/// <summary>Holds each benchmark to the bytes it may allocate for an operation, 0 unless the file says otherwise.</summary>
internal static class AllocationGate
{
    /// <summary>
    /// Bytes an operation that are noise: the just-in-time compiler allocates while it runs beside, which the average shares out.
    /// The smallest object has 24.
    /// </summary>
    private const long Noise = 8;

    /// <summary>Compares; prints a line for each benchmark.</summary>
    /// <param name="summaries">What was run.</param>
    /// <param name="file">JSON: benchmark name ("Class.Method") to bytes. A name that no benchmark has is an error too.</param>
    /// <param name="output">Where the lines go.</param>
    /// <returns>0 where all hold, else 1.</returns>
    public static int Check(IReadOnlyCollection<Summary> summaries, string file, TextWriter output)
    {
        Dictionary<string, long> allowed = JsonSerializer.Deserialize<Dictionary<string, long>>(File.ReadAllText(file)) ?? [];
        HashSet<string> seen = [];
        bool failed = false;
        output.WriteLine();
        foreach (BenchmarkReport report in summaries.SelectMany(s => s.Reports))
        {
            string name = $"{report.BenchmarkCase.Descriptor.Type.Name}.{report.BenchmarkCase.Descriptor.WorkloadMethod.Name}";
            seen.Add(name);
            long limit = allowed.GetValueOrDefault(name);
            long? bytes = report.Success ? report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) : null;
            bool holds = bytes < limit + Noise;
            failed |= !holds;
            output.WriteLine($"{(holds ? "ok  " : "FAIL")} {name} {report.BenchmarkCase.Parameters.DisplayInfo}: {(bytes is null ? "did not run" : $"{bytes} bytes")}, {limit} allowed");
        }
        foreach (string name in allowed.Keys.Where(name => !seen.Contains(name)))
        {
            failed = true;
            output.WriteLine($"FAIL {name}: in {Path.GetFileName(file)}, but there is no such benchmark");
        }
        if (seen.Count == 0) output.WriteLine("FAIL no benchmark ran");
        return failed || seen.Count == 0 ? 1 : 0;
    }
}
