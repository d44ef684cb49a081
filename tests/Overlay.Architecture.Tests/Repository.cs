using System.Xml.Linq;

namespace Overlay.Architecture.Tests;

/// <summary>The tree under test, read from disk: the rules are about sources, not about assemblies.</summary>
internal static class Repository
{
    /// <summary>The directory that holds Overlay.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Every source file below <paramref name="folder"/>, as a path relative to the root with forward slashes.</summary>
    public static IReadOnlyList<string> Sources(string folder) =>
        [.. Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Root, path))
            .Where(path => !path.Split('/').Any(part => part is "bin" or "obj"))
            .Order(StringComparer.Ordinal)];

    /// <summary>Every folder below src with a source file in it, relative to the root.</summary>
    public static IReadOnlyList<string> Rooms() => [.. Sources("src").Select(path => Path.GetDirectoryName(path)!).Distinct()];

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    /// <summary>The project file of a source project.</summary>
    public static XDocument Project(string name) => XDocument.Load(Path.Combine(Root, "src", name, name + ".csproj"));

    public static IReadOnlyList<string> SourceProjects() =>
        [.. Directory.EnumerateDirectories(Path.Combine(Root, "src")).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    private static string FindRoot()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Overlay.sln")))
                return directory.FullName;
        }

        throw new InvalidOperationException($"no Overlay.sln above {AppContext.BaseDirectory}");
    }
}
