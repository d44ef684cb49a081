namespace Overlay.Agent.Reading;

/// <summary>
/// Reads files of this host, below a root that a test can put elsewhere. Nothing here throws for what a file is or holds, and nothing is
/// opened for writing.
/// </summary>
/// <param name="root">What stands for <c>/</c>.</param>
internal sealed class HostFiles(string root = "/")
{
    private const long SizeLimit = 1 << 20;   // of plain files; those of /proc say 0

    /// <summary>The whole text, or null where there is none to be had (absent, forbidden, too long, not a file).</summary>
    /// <param name="path">Absolute path.</param>
    public string? Text(string path)
    {
        try
        {
            FileInfo file = new(At(path));
            return file.Exists && file.Length <= SizeLimit ? File.ReadAllText(file.FullName) : null;
        }
        catch (Exception e) when (IsExpected(e))
        {
            return null;
        }
    }

    /// <summary>The text without white space around it, or null.</summary>
    public string? Value(string path) => Text(path)?.Trim();

    /// <summary>The lines, none where there is no text.</summary>
    public string[] Lines(string path) => Text(path)?.Split('\n', StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>Whether there is something of that name, of any kind.</summary>
    public bool Exists(string path) => Path.Exists(At(path));

    /// <summary>The names in a folder, in order; none where it cannot be read.</summary>
    public IReadOnlyList<string> Names(string folder)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(At(folder)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (IsExpected(e))
        {
            return [];
        }
    }

    /// <summary>What a symbolic link says, or null.</summary>
    public string? LinkTarget(string path)
    {
        try
        {
            return new FileInfo(At(path)).LinkTarget;
        }
        catch (Exception e) when (IsExpected(e))
        {
            return null;
        }
    }

    /// <summary>When a file was last written, or null where there is none.</summary>
    public DateTimeOffset? Written(string path)
    {
        FileInfo file = new(At(path));
        return file.Exists ? file.LastWriteTimeUtc : null;
    }

    /// <summary>The real path.</summary>
    public string At(string path) => Path.Join(root, path);

    private static bool IsExpected(Exception e) => e is IOException or UnauthorizedAccessException;
}
