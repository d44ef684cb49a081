using Overlay.Agent.Firewall;

namespace Overlay.Agent.Reading;

/// <summary>What a program that only lists has printed.</summary>
/// <param name="Text">Standard output, or null.</param>
/// <param name="Problem">Why there is none, in words; null otherwise.</param>
internal sealed record CommandOutput(string? Text, string? Problem)
{
    /// <summary>Runs a program of the host.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="arguments">Constants of ours only: nothing that others wrote gets onto a command line.</param>
    /// <param name="time">For the limit.</param>
    /// <param name="stop">Ends it early.</param>
    public static async Task<CommandOutput> RunAsync(string program, IReadOnlyList<string> arguments, TimeProvider time, CancellationToken stop)
    {
        if (HostTool.Find(program) is not { } path) return new CommandOutput(null, $"{program} is not installed");
        try
        {
            (int exitCode, string output, string error) = await HostTool.RunAsync(path, arguments, "", _ => true, time, stop).ConfigureAwait(false);
            return exitCode == 0 ? new CommandOutput(output, null) : new CommandOutput(null, $"{program} ended with {exitCode}: {error}");
        }
        catch (FirewallException e)
        {
            return new CommandOutput(null, e.Message);
        }
    }
}
