using System.Globalization;
using Overlay.Agent.Reading;
using Overlay.Agent.State;

namespace Overlay.Agent.Cleanup;

/// <summary>
/// The agent that holds a state folder, and how it is stopped: by systemd where that looks after it, since systemd would start it again,
/// otherwise by SIGTERM.
/// </summary>
/// <param name="Process">Its process id.</param>
/// <param name="Unit">The service it runs as; null for none.</param>
internal sealed record RunningAgent(int Process, string? Unit)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60), LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>Finds it.</summary>
    /// <param name="stateDirectory">Its state folder.</param>
    /// <returns>Null where none runs.</returns>
    public static RunningAgent? Find(string stateDirectory) => InstanceLock.HolderOf(stateDirectory) is { } process
        ? new RunningAgent(process, UnitOf(new HostFiles().Text($"/proc/{process}/cgroup") ?? "")) : null;

    /// <summary>The service that a process belongs to, by /proc/PID/cgroup of either version; null for none.</summary>
    public static string? UnitOf(string cgroups) => cgroups.Split('\n').Where(line => line.StartsWith("0::", StringComparison.Ordinal) || line.Contains(":name=systemd:", StringComparison.Ordinal))
        .Select(line => line[(line.LastIndexOf('/') + 1)..].Trim())
        .FirstOrDefault(name => name.EndsWith(".service", StringComparison.Ordinal) && !name.StartsWith('-') && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or '@'));

    /// <summary>Asks it to stop and waits until it has let its state folder go.</summary>
    /// <returns>Why it still runs, in words; null when it has stopped.</returns>
    public async Task<string?> StopAsync(string stateDirectory, TimeProvider time, CancellationToken stop)
    {
        CommandOutput asked = Unit is null
            ? await CommandOutput.RunAsync("kill", ["-TERM", Process.ToString(CultureInfo.InvariantCulture)], time, stop).ConfigureAwait(false)
            : await CommandOutput.RunAsync("systemctl", ["stop", "--no-block", Unit], time, stop).ConfigureAwait(false);
        if (asked.Problem is not null) return asked.Problem;
        long start = time.GetTimestamp();
        while (InstanceLock.HolderOf(stateDirectory) is not null)
        {
            if (time.GetElapsedTime(start) > Patience) return $"it was asked to stop, and still runs after {Patience.TotalSeconds:0} s";
            await Task.Delay(LookEvery, time, stop).ConfigureAwait(false);
        }
        return null;
    }

    /// <inheritdoc/>
    public override string ToString() => $"overlay-agent (process {Process}{(Unit is null ? "" : $", {Unit}")})";
}
