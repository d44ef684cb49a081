namespace Overlay.Agent.Tests.Support;

/// <summary>Files of the repository that this test was built from.</summary>
internal static class Checkout
{
    /// <summary>The path of a file, given from the top.</summary>
    public static string File(string path)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !System.IO.File.Exists(Path.Combine(folder.FullName, "Overlay.sln"))) folder = folder.Parent;
        return Path.Combine(folder?.FullName ?? throw new InvalidOperationException($"no Overlay.sln above {AppContext.BaseDirectory}"), path);
    }
}
