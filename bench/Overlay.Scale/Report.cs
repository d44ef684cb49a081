using System.Globalization;

namespace Overlay.Scale;

/// <summary>The figures as they come: a table on the console, and a file of tab-separated values.</summary>
internal sealed class Report(TextWriter? tsv)
{
    /// <summary>Figures that miss their target.</summary>
    public int Missed { get; private set; }

    /// <summary>Prints the headings.</summary>
    public void Begin()
    {
        Console.WriteLine($"{"id",-4} {"figure",-66} {"value",12}   target");
        tsv?.WriteLine("id\tfigure\tvalue\tunit\ttarget\tmet");
    }

    /// <summary>A figure with the most it may be.</summary>
    public void AtMost(string id, string what, double value, string unit, double most) => Add(id, what, value, unit, Invariant($"<= {most} {unit}"), value <= most);

    /// <summary>A figure that has to be one number.</summary>
    public void Exactly(string id, string what, double value, double wanted) => Add(id, what, value, "", Invariant($"{wanted}"), value == wanted);

    /// <summary>A figure without a target: what the one before is made of, or compared with.</summary>
    public void Note(string id, string what, double value, string unit) => Add(id, what, value, unit, "", null);

    private void Add(string id, string what, double value, string unit, string target, bool? met)
    {
        if (met == false) Missed++;
        string number = value == Math.Floor(value) || Math.Abs(value) >= 1000 ? Invariant($"{value:F0}") : Math.Abs(value) >= 10 ? Invariant($"{value:F1}") : Invariant($"{value:G3}");
        Console.WriteLine($"{id,-4} {what,-66} {number + (unit.Length > 0 ? " " + unit : ""),12}   {target.TrimEnd()}{(met == false ? "   MISSED" : "")}");
        tsv?.WriteLine(Invariant($"{id}\t{what}\t{value:R}\t{unit}\t{target.TrimEnd()}\t{(met is null ? "" : met.Value ? "yes" : "no")}"));
        tsv?.Flush();
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
