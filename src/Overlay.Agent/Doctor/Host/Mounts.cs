using Overlay.Agent.Reading;

namespace Overlay.Agent.Doctor.Host;

/// <summary>The mounted file systems, from /proc/self/mountinfo (proc(5)).</summary>
/// <param name="Point">Where it is mounted.</param>
/// <param name="Device">Device number, <c>major:minor</c>.</param>
/// <param name="IsReadOnly">Nothing can be written there.</param>
internal sealed record Mounts(string Point, string Device, bool IsReadOnly)
{
    /// <summary>The one that holds a path, or null.</summary>
    public static Mounts? Of(HostFiles files, string path) => files.Lines("/proc/self/mountinfo")
        .Select(line => line.Split(' '))
        .Where(fields => fields.Length > 5)
        .Select(fields => new Mounts(fields[4], fields[2], fields[5].Split(',').Contains("ro")))
        .Where(mount => mount.Point == "/" || path == mount.Point || path.StartsWith(mount.Point + "/", StringComparison.Ordinal))
        // Of several at one point the last hides the others.
        .Reverse().MaxBy(mount => mount.Point.Length);
}
