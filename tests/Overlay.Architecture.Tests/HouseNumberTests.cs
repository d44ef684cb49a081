using System.Text.RegularExpressions;

namespace Overlay.Architecture.Tests;

/// <summary>The house numbers of CONTRIBUTING.md. Where one is reached, a room or a type wants to be two.</summary>
public partial class HouseNumberTests
{
    private const int MostLines = 300, MostFiles = 8;

    [Fact]
    public void A_source_file_has_at_most_300_lines()
    {
        string[] tooLong = [.. Repository.Sources("src").Select(path => (path, lines: SourceText.LineCount(Repository.Read(path))))
            .Where(file => file.lines > MostLines).Select(file => $"{file.path}: {file.lines}")];

        Assert.True(tooLong.Length == 0, string.Join('\n', tooLong));
    }

    [Fact]
    public void A_room_holds_at_most_8_files()
    {
        string[] tooFull = [.. Repository.Sources("src").CountBy(path => Path.GetDirectoryName(path)!)
            .Where(room => room.Value > MostFiles).Select(room => $"{room.Key}: {room.Value}")];

        Assert.True(tooFull.Length == 0, string.Join('\n', tooFull));
    }

    [Fact]
    public void A_file_holds_one_public_type()
    {
        string[] crowded = [.. Repository.Sources("src").Select(path => (path, types: PublicType().Count(SourceText.CodeOnly(Repository.Read(path)))))
            .Where(file => file.types > 1).Select(file => $"{file.path}: {file.types}")];

        Assert.True(crowded.Length == 0, string.Join('\n', crowded));
    }

    [Fact]
    public void Every_source_project_is_documented()
    {
        Assert.Contains("<GenerateDocumentationFile>true</GenerateDocumentationFile>", Repository.Read("src/Directory.Build.props"), StringComparison.Ordinal);
        string[] silenced = [.. Repository.SourceProjects().Where(name =>
            Repository.Project(name).Descendants("GenerateDocumentationFile").Any(property => property.Value != "true")
            || Repository.Project(name).Descendants("NoWarn").Any(property => property.Value.Contains("1591", StringComparison.Ordinal)))];

        Assert.True(silenced.Length == 0, $"documentation is off or its warning silenced in {string.Join(", ", silenced)}");
    }

    // Namespaces are file-scoped, so a type that is not nested begins its line.
    [GeneratedRegex(@"^public (?:[a-z]+ )*?(?:class|struct|record|interface|enum|delegate)\b", RegexOptions.Multiline)]
    private static partial Regex PublicType();
}
