using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Overlay.Bench.Reporting;

// overlay-bench                 choose what to run; all options of BenchmarkDotNet work, for example --filter '*Decapsulate*'
// overlay-bench gate FILE       run every benchmark once, in this process, and compare the bytes allocated with the allowed ones
if (args is ["gate", string allowed])
{
    Job once = Job.Dry.WithToolchain(new InProcessEmitToolchain(TimeSpan.FromMinutes(5), logOutput: false)).WithWarmupCount(1).WithIterationCount(1).WithInvocationCount(4096).WithUnrollFactor(16);
    Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).RunAll(PacketRates.Config.AddJob(once).WithOption(ConfigOptions.DisableLogFile, true))];
    return AllocationGate.Check(summaries, allowed, Console.Out);
}
return BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, PacketRates.Config).Any() ? 0 : 1;
