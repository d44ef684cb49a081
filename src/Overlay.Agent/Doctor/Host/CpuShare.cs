using System.Globalization;

namespace Overlay.Agent.Doctor.Host;

/// <summary>Where processor time went between two looks at /proc/stat, in shares of 1.</summary>
/// <param name="Steal">Given to other guests by the hypervisor while we wanted it.</param>
/// <param name="Busy">Used by this machine.</param>
internal sealed record CpuShare(double Steal, double Busy)
{
    private const int Idle = 3, IoWait = 4, StealField = 7, Fields = 8;

    /// <summary>Compares two texts of /proc/stat; null where either has no line for all processors.</summary>
    public static CpuShare? Between(string before, string after)
    {
        if (Times(before) is not { } first || Times(after) is not { } second) return null;
        long[] spent = [.. first.Zip(second, (a, b) => Math.Max(0, b - a))];
        double all = spent.Sum();
        return all == 0 ? null : new CpuShare(spent[StealField] / all, 1 - (spent[Idle] + spent[IoWait] + spent[StealField]) / all);
    }

    private static long[]? Times(string text)
    {
        string[] words = text.Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length > Fields && words[0] == "cpu"
            ? [.. words.Skip(1).Take(Fields).Select(word => long.TryParse(word, CultureInfo.InvariantCulture, out long ticks) ? ticks : 0)]
            : null;
    }
}
