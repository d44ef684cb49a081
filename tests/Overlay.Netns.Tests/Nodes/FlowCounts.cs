using System.Globalization;
using System.Text.RegularExpressions;

namespace Overlay.Netns.Tests.Nodes;

/// <summary>What became of the packets of one direction, as the agent says on SIGUSR1.</summary>
/// <param name="Received">Taken from the device or the socket.</param>
/// <param name="Delivered">Handed over on the other side.</param>
/// <param name="Drops">The others, by reason.</param>
internal sealed partial record FlowCounts(long Received, long Delivered, IReadOnlyDictionary<string, long> Drops)
{
    /// <summary>Reads the log line.</summary>
    public static FlowCounts Parse(string line)
    {
        Match match = Pattern().Match(line);
        Assert.True(match.Success, line);
        string drops = match.Groups[3].Value;
        return new FlowCounts(Number(match.Groups[1].Value), Number(match.Groups[2].Value), drops == "none"
            ? new Dictionary<string, long>()
            : drops.Split(", ").Select(drop => drop.Split(' ')).ToDictionary(parts => parts[0], parts => Number(parts[1])));
    }

    /// <summary>Packets dropped for a reason.</summary>
    public long Dropped(string reason) => Drops.GetValueOrDefault(reason);

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    [GeneratedRegex("received ([0-9]+), delivered ([0-9]+) .*dropped: ([^;]*);")]
    private static partial Regex Pattern();
}
