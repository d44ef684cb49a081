using System.Diagnostics;

namespace Overlay.Agent.Tests.Support;

/// <summary>Runs a small system tool to its end.</summary>
internal static class Tool
{
    public static (int ExitCode, string Output, string Error) Run(string name, params string[] arguments)
    {
        var start = new ProcessStartInfo(name, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    public static void Must(string name, params string[] arguments)
    {
        (int exitCode, _, string error) = Run(name, arguments);
        Assert.True(exitCode == 0, $"{name} {string.Join(' ', arguments)}: {error}");
    }
}
