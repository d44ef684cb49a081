using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor.Docker;

/// <summary>docker.service as systemd has it.</summary>
/// <param name="Active">ActiveState: active, activating, inactive, failed, ...</param>
/// <param name="Sub">SubState: running, auto-restart, dead, ...</param>
/// <param name="IsEnabled">It is started at boot.</param>
internal sealed record DockerUnit(string Active, string Sub, bool IsEnabled)
{
    /// <summary>Docker is wanted here and does not run.</summary>
    public bool IsDown => Active is "failed" or "activating" || (Active == "inactive" && IsEnabled);

    /// <summary>Asks systemd.</summary>
    /// <returns>Null where there is no systemd, no such unit, or both are of another network namespace than ours.</returns>
    public static async Task<DockerUnit?> ReadAsync(HostFiles files, TimeProvider time, CancellationToken stop)
    {
        if (!files.Exists("/run/systemd/system")) return null;
        if (files.LinkTarget("/proc/1/ns/net") is { } network && network != files.LinkTarget("/proc/self/ns/net")) return null;
        CommandOutput shown = await CommandOutput.RunAsync("systemctl", ["show", "docker.service", "--property=LoadState,ActiveState,SubState,UnitFileState"], time, stop).ConfigureAwait(false);
        return shown.Text is null ? null : Parse(shown.Text);
    }

    /// <summary>Reads what systemctl prints; null where the unit is not there, or masked.</summary>
    public static DockerUnit? Parse(string text)
    {
        Dictionary<string, string> values = text.Split('\n').Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1].Trim());
        return values.GetValueOrDefault("LoadState") != "loaded" ? null
            : new DockerUnit(values.GetValueOrDefault("ActiveState", ""), values.GetValueOrDefault("SubState", ""), values.GetValueOrDefault("UnitFileState") == "enabled");
    }
}
