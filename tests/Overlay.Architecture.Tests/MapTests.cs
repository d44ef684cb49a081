using System.Text.RegularExpressions;

namespace Overlay.Architecture.Tests;

/// <summary>ARCHITECTURE.md names every room, one a line: "- `src/Overlay.Encap/Wire` ...". A map that is not checked goes stale.</summary>
public partial class MapTests
{
    [Fact]
    public void Every_room_is_on_the_map()
    {
        string[] missing = [.. Repository.Rooms().Except(Named())];

        Assert.True(missing.Length == 0, $"ARCHITECTURE.md does not name {string.Join(", ", missing)}");
    }

    [Fact]
    public void Every_room_on_the_map_exists()
    {
        string[] gone = [.. Named().Except(Repository.Rooms())];

        Assert.True(gone.Length == 0, $"ARCHITECTURE.md names rooms that are not there or hold no source: {string.Join(", ", gone)}");
    }

    [Fact]
    public void No_room_is_on_the_map_twice() => Assert.Equal(Named().Distinct(), Named());

    private static string[] Named() => [.. RoomLine().Matches(Repository.Read("ARCHITECTURE.md")).Select(line => line.Groups[1].Value)];

    [GeneratedRegex("^- `(src/[^`]*?)/?`", RegexOptions.Multiline)]
    private static partial Regex RoomLine();
}
