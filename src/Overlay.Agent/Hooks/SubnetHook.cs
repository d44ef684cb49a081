using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Text;

namespace Overlay.Agent.Hooks;

/// <summary>
/// Runs a command of the operator's when the rest of this host has to learn of another subnet, such as Docker, which reads subnet.env only
/// at its start. Beside everything else: neither packets nor the lease wait for it, and its failure is only logged.
/// </summary>
/// <remarks>
/// The command is told by variables, made from what was parsed: OVERLAY_OLD_SUBNET, OVERLAY_NEW_SUBNET (both as <c>10.1.7.0/24</c>) and
/// OVERLAY_SUBNET_FILE, which names the new subnet by then. FLANNELD_* are taken away from it, for they may hold the etcd password.
/// </remarks>
/// <param name="command">The command; null for none.</param>
/// <param name="subnetFile">Path of subnet.env.</param>
/// <param name="announced">The subnet that this host knows of; null for none.</param>
/// <param name="remember">Called with each subnet that it knows of from then on.</param>
/// <param name="limit">How long the command may take before it is killed.</param>
/// <param name="time">The clock.</param>
/// <param name="log">For the command's fate.</param>
/// <param name="kill">Kills the command and its children; for a test, since what root cannot kill is hard to come by.</param>
internal sealed class SubnetHook(
    HookCommand? command, string subnetFile, IPNetwork? announced, Action<IPNetwork> remember, TimeSpan limit, TimeProvider time, ILogger log,
    Action<Process>? kill = null)
{
    /// <summary>What <c>limit</c> is as a rule.</summary>
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);   // a child of its own may hold the pipes open

    private const int MaxOutput = 2000;

    private readonly Channel<IPNetwork> _subnets = Channel.CreateBounded<IPNetwork>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    /// <summary>Subnet.env names this subnet now.</summary>
    public void Announce(IPNetwork subnet) => _subnets.Writer.TryWrite(subnet);

    /// <summary>Runs the command for each subnet that is another than the one before, one after the other, until cancelled.</summary>
    /// <remarks>One that a stop interrupts is run again at the next start.</remarks>
    public async Task RunAsync(CancellationToken stop)
    {
        await foreach (IPNetwork subnet in _subnets.Reader.ReadAllAsync(stop).ConfigureAwait(false))
        {
            if (command is null || announced == subnet) continue;
            if (announced is { } old) await RunAsync(command, old, subnet, stop).ConfigureAwait(false);
            announced = subnet;
            remember(subnet);
        }
    }

    private async Task RunAsync(HookCommand what, IPNetwork old, IPNetwork now, CancellationToken stop)
    {
        log.HookRuns(old, now, $"{what}");
        long start = time.GetTimestamp();
        StringBuilder output = new();
        string? failure;
        try
        {
            using Process process = Start(what, old, now);
            using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(stop);
            end.CancelAfter(limit);
            Task reading = Task.WhenAll(ReadAsync(process.StandardOutput, output, end.Token), ReadAsync(process.StandardError, output, end.Token));
            failure = await EndAsync(process, end.Token).ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();
            await Task.WhenAny(reading, Task.Delay(LastWords, time, CancellationToken.None)).ConfigureAwait(false);
        }
        catch (Win32Exception e)
        {
            failure = $"cannot be run ({e.Message})";
        }
        string said;
        lock (output) said = output.Length == 0 ? "nothing" : Printable.Line(output.ToString().Trim());
        if (failure is null) log.HookDone($"{what}", time.GetElapsedTime(start).TotalSeconds, said);
        else log.HookFailed($"{what}", failure, said);
    }

    private Process Start(HookCommand what, IPNetwork old, IPNetwork now)
    {
        ProcessStartInfo start = new(what.Path, what.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("FLANNELD_", StringComparison.Ordinal) || name == "NOTIFY_SOCKET").ToArray())
            start.Environment.Remove(name);
        start.Environment["OVERLAY_OLD_SUBNET"] = old.ToString();
        start.Environment["OVERLAY_NEW_SUBNET"] = now.ToString();
        start.Environment["OVERLAY_SUBNET_FILE"] = subnetFile;
        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    private async Task<string?> EndAsync(Process process, CancellationToken end)
    {
        try
        {
            await process.WaitForExitAsync(end).ConfigureAwait(false);
            return process.ExitCode == 0 ? null : $"ended with {process.ExitCode}";
        }
        catch (OperationCanceledException)
        {
            return $"took more than {limit.TotalSeconds} s and {Kill(process)}";
        }
    }

    // A child may be where even root cannot kill it, or be gone by itself in the same moment.
    private string Kill(Process process)
    {
        try
        {
            if (kill is null) process.Kill(entireProcessTree: true);
            else kill(process);
            return "was killed";
        }
        catch (Exception e) when (e is AggregateException or Win32Exception or InvalidOperationException)
        {
            return $"could not be killed with all its children ({Printable.Line(e.GetBaseException().Message)})";
        }
    }

    // All of it is read, lest the command wait for us; a part is kept.
    private static async Task ReadAsync(StreamReader from, StringBuilder into, CancellationToken end)
    {
        char[] buffer = new char[1024];
        try
        {
            while (await from.ReadAsync(buffer, end).ConfigureAwait(false) is > 0 and int read)
            {
                lock (into) into.Append(buffer, 0, Math.Min(read, MaxOutput - into.Length));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or IOException)
        {
            // Enough.
        }
    }
}
