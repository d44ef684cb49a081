using System.Globalization;

namespace Overlay.Agent.Doctor.Etcd;

/// <summary>The few figures that are wanted of etcd's metrics page (Prometheus' text form). Histograms count from the member's start.</summary>
internal sealed class EtcdMetrics
{
    private readonly Dictionary<string, double> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(double UpTo, double Count)>> _histograms = new(StringComparer.Ordinal);

    private EtcdMetrics()
    {
    }

    /// <summary>Reads the page; lines of another form are passed over.</summary>
    public static EtcdMetrics Parse(string text)
    {
        EtcdMetrics metrics = new();
        foreach (string line in text.Split('\n').Where(l => l.Length > 0 && l[0] != '#')) metrics.Add(line);
        return metrics;
    }

    /// <summary>What was counted since an earlier look at the same member: a histogram of its whole life forgets nothing, and hides what is new.</summary>
    public EtcdMetrics Since(EtcdMetrics earlier)
    {
        EtcdMetrics since = new();
        foreach ((string name, double value) in _values)
        {
            if (earlier.Value(name) is { } before) since._values[name] = value - before;
        }
        foreach ((string name, List<(double UpTo, double Count)> buckets) in _histograms)
        {
            if (!earlier._histograms.TryGetValue(name, out List<(double UpTo, double Count)>? before)) continue;
            since._histograms[name] = [.. buckets.Select(b => (b.UpTo, b.Count - before.FirstOrDefault(e => e.UpTo == b.UpTo).Count))];
        }
        return since;
    }

    /// <summary>How much a histogram counted.</summary>
    public double Count(string name) => _histograms.TryGetValue(name, out List<(double UpTo, double Count)>? buckets) ? buckets.Max(b => b.Count) : 0;

    /// <summary>A metric without labels, or null.</summary>
    public double? Value(string name) => _values.TryGetValue(name, out double value) ? value : null;

    /// <summary>A quantile of a histogram, in seconds, between its buckets by a straight line; null where nothing was counted.</summary>
    /// <param name="name">The histogram's name, without <c>_bucket</c>.</param>
    /// <param name="share">As 0.99.</param>
    public double? Quantile(string name, double share)
    {
        if (!_histograms.TryGetValue(name, out List<(double UpTo, double Count)>? buckets)) return null;
        (double UpTo, double Count)[] sorted = [.. buckets.OrderBy(b => b.UpTo)];
        double wanted = sorted[^1].Count * share;
        if (wanted <= 0) return null;
        double from = 0, below = 0;
        foreach ((double upTo, double count) in sorted)
        {
            if (count >= wanted) return double.IsInfinity(upTo) ? from : from + (upTo - from) * (wanted - below) / (count - below);
            (from, below) = (upTo, count);
        }
        return from;
    }

    private void Add(string line)
    {
        int space = line.LastIndexOf(' ');
        if (space < 0 || !double.TryParse(line.AsSpan(space + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out double value)) return;
        string name = line[..space];
        const string Bucket = "_bucket{le=\"";
        int bucket = name.IndexOf(Bucket, StringComparison.Ordinal);
        if (bucket < 0)
        {
            _values[name] = value;
            return;
        }
        string edge = name[(bucket + Bucket.Length)..].Split('"')[0];
        double upTo = edge == "+Inf" ? double.PositiveInfinity : double.TryParse(edge, NumberStyles.Float, CultureInfo.InvariantCulture, out double read) ? read : double.NaN;
        if (double.IsNaN(upTo)) return;
        string histogram = name[..bucket];
        if (!_histograms.TryGetValue(histogram, out List<(double, double)>? buckets)) _histograms[histogram] = buckets = [];
        buckets.Add((upTo, value));
    }
}
