using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Overlay.Bench.Reporting;

/// <summary>How results are shown: time and bytes allocated for each operation, and what that makes in packets and gigabytes a second.</summary>
internal sealed class PacketRates : IColumn
{
    private readonly Func<double, WorkAttribute, string> _format;

    private PacketRates(string name, string legend, Func<double, WorkAttribute, string> format) => (ColumnName, Legend, _format) = (name, legend, format);

    /// <summary>The one configuration of this suite.</summary>
    public static ManualConfig Config => ManualConfig.CreateEmpty()
        .AddLogger(ConsoleLogger.Default)
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .AddColumn(
            new PacketRates("Packets/s", "packets a second on one core", (ns, work) => work.Packets == 0 ? "-" : $"{work.Packets / ns * 1e3:F2} M"),
            new PacketRates("GB/s", "10^9 bytes a second on one core", (ns, work) => work.Bytes == 0 ? "-" : $"{work.Bytes / ns:F2}"))
        .AddDiagnoser(MemoryDiagnoser.Default)
        .AddExporter(MarkdownExporter.GitHub, JsonExporter.Brief);

    /// <inheritdoc/>
    public string Id => $"rate-{ColumnName}";

    /// <inheritdoc/>
    public string ColumnName { get; }

    /// <inheritdoc/>
    public bool AlwaysShow => true;

    /// <inheritdoc/>
    public ColumnCategory Category => ColumnCategory.Custom;

    /// <inheritdoc/>
    public int PriorityInCategory => 0;

    /// <inheritdoc/>
    public bool IsNumeric => true;

    /// <inheritdoc/>
    public UnitType UnitType => UnitType.Dimensionless;

    /// <inheritdoc/>
    public string Legend { get; }

    /// <inheritdoc/>
    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        double? ns = summary[benchmarkCase]?.ResultStatistics?.Mean;
        object[] found = benchmarkCase.Descriptor.WorkloadMethod.GetCustomAttributes(typeof(WorkAttribute), inherit: false);
        if (ns is null || found is not [WorkAttribute work]) return "-";
        object? size = benchmarkCase.Parameters.Items.FirstOrDefault(p => p.Name == "Size")?.Value;
        return _format(ns.Value, work.Bytes < 0 && size is int bytes ? new WorkAttribute(work.Packets, bytes) : work);
    }

    /// <inheritdoc/>
    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    /// <inheritdoc/>
    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    /// <inheritdoc/>
    public bool IsAvailable(Summary summary) => true;
}
