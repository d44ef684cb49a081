namespace Overlay.Netns.Tests.Support;

/// <summary>What a test of this project needs of the machine.</summary>
internal static class Privilege
{
    private static readonly string[] Tools = ["ip", "bridge", "ethtool", "ping", "etcd", "etcdctl"];

    /// <summary>Skips the test where it cannot run.</summary>
    public static void Require()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "network namespaces need root");
        string[] missing = [.. Tools.Where(tool => !IsInstalled(tool))];
        Assert.SkipWhen(missing.Length > 0, $"not installed: {string.Join(", ", missing)}");
    }

    /// <summary>Whether a program is on the path.</summary>
    public static bool IsInstalled(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, tool)));
}
