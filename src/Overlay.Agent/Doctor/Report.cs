using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Overlay.Agent.Text;

namespace Overlay.Agent.Doctor;

/// <summary>The findings on paper: for people and for scripts. Whatever others wrote into it stays on its line.</summary>
internal static class Report
{
    private const int IdColumn = 36;

    /// <summary>The worst of all.</summary>
    public static Verdict Worst(IEnumerable<Finding> findings) => findings.Select(f => f.Verdict).DefaultIfEmpty().Max();

    /// <summary>For people: a line for each finding, and below those that want mending why it matters and what mends it.</summary>
    public static string Text(IReadOnlyList<Finding> findings, string source)
    {
        StringBuilder text = new();
        text.Append($"settings from {Printable.Line(source)}\n");
        foreach (IGrouping<string, Finding> group in findings.GroupBy(f => f.Check.Group))
        {
            text.Append($"\n{group.Key}\n");
            foreach (Finding finding in group) AppendTo(text, finding);
        }
        return text.Append($"\n{string.Join(", ", Counts(findings).Select(c => $"{c.Count} {c.Word}"))}\n").ToString();
    }

    /// <summary>For scripts: one object, with the ids of <see cref="Checks"/>.</summary>
    public static string Json(IReadOnlyList<Finding> findings, string source)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", 1);
            writer.WriteString("verdict", Word(Worst(findings)));
            writer.WriteString("settings", Printable.Line(source));
            writer.WriteStartObject("counts");
            foreach ((int count, string word) in Counts(findings)) writer.WriteNumber(word, count);
            writer.WriteEndObject();
            writer.WriteStartArray("findings");
            foreach (Finding finding in findings) Write(writer, finding);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void AppendTo(StringBuilder text, Finding finding)
    {
        text.Append($"  {Word(finding.Verdict),-4}  {Name(finding).PadRight(IdColumn)} {Printable.Line(finding.Found)}\n");
        if (finding.Verdict < Verdict.Warn) return;
        text.Append($"        why   {finding.Check.Why}\n");
        if (finding.Mend is not null) text.Append($"        mend  {Printable.Line(finding.Mend)}\n");
    }

    private static void Write(Utf8JsonWriter writer, Finding finding)
    {
        writer.WriteStartObject();
        writer.WriteString("id", finding.Check.Id);
        if (finding.Subject is not null) writer.WriteString("subject", Printable.Line(finding.Subject));
        writer.WriteString("verdict", Word(finding.Verdict));
        writer.WriteString("found", Printable.Line(finding.Found));
        writer.WriteString("why", finding.Check.Why);
        if (finding.Mend is not null) writer.WriteString("mend", Printable.Line(finding.Mend));
        writer.WriteEndObject();
    }

    private static IEnumerable<(int Count, string Word)> Counts(IReadOnlyList<Finding> findings) =>
        new[] { Verdict.Ok, Verdict.Warn, Verdict.Fail, Verdict.Skip }.Select(v => (findings.Count(f => f.Verdict == v), Word(v)));

    private static string Name(Finding finding) => finding.Subject is null ? finding.Check.Id : $"{finding.Check.Id} {Printable.Line(finding.Subject)}";

    private static string Word(Verdict verdict) => verdict switch
    {
        Verdict.Ok => "OK",
        Verdict.Skip => "SKIP",
        Verdict.Warn => "WARN",
        _ => "FAIL",
    };
}
