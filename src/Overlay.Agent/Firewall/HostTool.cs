using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Overlay.Agent.Firewall;

/// <summary>Runs a tool of the host: by its absolute path, without a shell, in bounded time, with an environment of its own.</summary>
internal static class HostTool
{
    /// <summary>How long a tool may take. Longer than <see cref="LockWait"/>, so that its own message comes first.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    /// <summary>How long a tool waits for a lock that another holds, seconds.</summary>
    public const string LockWait = "5";

    private const int MaxKept = 16 * 1024 * 1024;
    private const int MaxError = 2000;

    private static readonly string[] UsualFolders = ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin"];

    /// <summary>Looks for a program in PATH, then where such tools usually are.</summary>
    /// <returns>Its absolute path, or null.</returns>
    public static string? Find(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Where(Path.IsPathRooted).Concat(UsualFolders)
        .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Runs a tool to its end.</summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="keep">Which lines of its output are kept.</param>
    /// <param name="time">For the limit.</param>
    /// <param name="stop">Ends it early.</param>
    /// <exception cref="FirewallException">It cannot be started, takes too long, or says too much.</exception>
    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(
        string path, IReadOnlyList<string> arguments, string input, Func<string, bool> keep, TimeProvider time, CancellationToken stop)
    {
        ProcessStartInfo start = new(path, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string name in start.Environment.Keys.Where(name => !name.StartsWith("XTABLES_", StringComparison.Ordinal)).ToArray()) start.Environment.Remove(name);
        start.Environment["PATH"] = string.Join(':', UsualFolders);
        start.Environment["LC_ALL"] = "C";
        using CancellationTokenSource limit = new(Limit, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        using Process process = Start(start);
        try
        {
            Task<string> output = KeepAsync(process.StandardOutput, keep, path, either.Token);
            Task<string> error = KeepAsync(process.StandardError, _ => true, path, either.Token);
            await WriteAsync(process.StandardInput, input, either.Token).ConfigureAwait(false);
            string kept = await output.ConfigureAwait(false), said = (await error.ConfigureAwait(false)).Trim();
            await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
            return (process.ExitCode, kept, said.Length > MaxError ? said[..MaxError] : said);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            throw new FirewallException($"{path} did not end within {Limit.TotalSeconds} s and was killed", passes: true);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new FirewallException($"{start.FileName} cannot be started: {e.Message}", passes: false);
        }
    }

    private static async Task WriteAsync(StreamWriter writer, string input, CancellationToken stop)
    {
        try
        {
            await writer.WriteAsync(input.AsMemory(), stop).ConfigureAwait(false);
            writer.Close();
        }
        catch (IOException)
        {
            // It ended before it had read all; why, it says itself.
        }
    }

    private static async Task<string> KeepAsync(StreamReader reader, Func<string, bool> keep, string path, CancellationToken stop)
    {
        StringBuilder kept = new();
        while (await reader.ReadLineAsync(stop).ConfigureAwait(false) is { } line)
        {
            if (!keep(line)) continue;
            if (kept.Length + line.Length > MaxKept) throw new FirewallException($"{path} printed more than {MaxKept} characters about our chains", passes: false);
            kept.Append(line).Append('\n');
        }
        return kept.ToString();
    }
}
