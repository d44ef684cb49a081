namespace Overlay.Scale;

/// <summary>Whether something grows.</summary>
internal static class Trend
{
    /// <summary>The slope, by least squares, of the last half of the samples, as a share of their mean and per sample.</summary>
    public static double OfLastHalf(IReadOnlyList<double> samples)
    {
        double[] last = [.. samples.Skip(samples.Count / 2)];
        double middle = (last.Length - 1) / 2.0, mean = last.Average();
        return last.Select((value, i) => (i - middle) * (value - mean)).Sum() / last.Select((_, i) => (i - middle) * (i - middle)).Sum() / mean;
    }
}
