using System.Text.RegularExpressions;

namespace Overlay.Architecture.Tests;

/// <summary>Words that may stand in certain rooms only, or not in certain rooms.</summary>
public class ForbiddenCodeTests
{
    [Theory]
    [InlineData(@"\bunsafe\b", "src/Overlay.Encap/Linux", "raw memory is handled in one room, where it is reviewed as such")]
    [InlineData(@"\bTmds\.Linux\b", "src/Overlay.Encap/Linux", "system calls go through one gate, which knows EINTR and errno")]
    [InlineData(@"\b(DllImport|LibraryImport)\b", "src/Overlay.Encap/Linux", "native declarations stand beside the tests of their layout")]
    [InlineData(@"\b(dotnet_etcd|Etcdserverpb|Mvccpb)\b", "src/Overlay.Subnet/Etcd", "the client library has pitfalls; one room wraps them")]
    [InlineData(@"\bEnvironment\.Exit\b", "nowhere", "a process that exits from the middle skips its orderly stop")]
    [InlineData(@"\b(DateTime|DateTimeOffset)\.(Utc)?Now\b", "src/Overlay.Subnet/Etcd", "time comes from TimeProvider, so that a test can move it; only a gRPC deadline is by the system clock")]
    public void Code_stays_in_its_room(string pattern, string room, string reason)
    {
        string[] offenders = [.. Offenders(Repository.Sources("src").Where(path => !path.StartsWith(room + '/', StringComparison.Ordinal)), pattern)];

        Assert.True(offenders.Length == 0, $"allowed in: {room}; {reason}. Found in:\n{string.Join('\n', offenders)}");
    }

    [Theory]
    [InlineData(@"\bArrayPool\b", "memory comes from the worker's arena; rent and return is a leak to come")]
    [InlineData(@"\b(Channel|System\.Threading\.Channels)\b", "no queue between threads: a packet stays with the worker that read it")]
    [InlineData(@"\b(async|await)\b", "the loops are threads of their own that block in poll")]
    [InlineData(@"\b(ILogger|LoggerMessage|Microsoft\.Extensions\.Logging|Console)\b", "a bad packet is a counted drop, never a log line")]
    public void The_packet_path_stays_plain(string pattern, string reason)
    {
        string[] path = [.. Repository.Sources("src/Overlay.Encap").Where(file => file.Split('/') is var parts && (parts.Contains("Flow") || parts.Contains("Codec")))];
        Assert.SkipWhen(path.Length == 0, "there is no file under Flow/ or Codec/");

        string[] offenders = [.. Offenders(path, pattern)];

        Assert.True(offenders.Length == 0, $"not on the packet path: {reason}. Found in:\n{string.Join('\n', offenders)}");
    }

    [Fact]
    public void Only_the_data_plane_compiles_unsafe_code()
    {
        string[] allowing = [.. Repository.SourceProjects().Where(name =>
            Repository.Project(name).Descendants("AllowUnsafeBlocks").Any(property => property.Value == "true"))];

        Assert.Equal(["Overlay.Encap"], allowing);
    }

    private static IEnumerable<string> Offenders(IEnumerable<string> files, string pattern) =>
        files.Where(file => Regex.IsMatch(SourceText.CodeOnly(Repository.Read(file)), pattern));
}
