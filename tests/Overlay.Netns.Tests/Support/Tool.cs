using System.Diagnostics;

namespace Overlay.Netns.Tests.Support;

/// <summary>Runs a small system tool to its end, in the namespace of the calling thread.</summary>
internal static class Tool
{
    public static (int ExitCode, string Output) Run(string name, IEnumerable<string> arguments, string? input = null)
    {
        ProcessStartInfo start = new(name, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["ETCDCTL_API"] = "3";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }

    /// <summary>Runs a tool that has to succeed, and returns what it printed.</summary>
    public static string Must(string name, IEnumerable<string> arguments, string? input = null)
    {
        string[] all = [.. arguments];
        (int exitCode, string output) = Run(name, all, input);
        if (exitCode != 0) throw new InvalidOperationException($"{name} {string.Join(' ', all)} {input} ended with {exitCode}: {output}");
        return output;
    }
}
