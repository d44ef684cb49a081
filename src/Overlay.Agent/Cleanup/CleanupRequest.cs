using System.Net;

namespace Overlay.Agent.Cleanup;

/// <summary>What to clean up, by the flags that the daemon had.</summary>
/// <param name="StateDirectory">Absolute path of its state folder; its lock tells whether it still runs.</param>
/// <param name="SubnetFile">Absolute path of its subnet.env.</param>
/// <param name="DockerOptsFile">Absolute path of the file it wrote for Docker; null for the one that the state file names.</param>
/// <param name="Device">Name of its TUN device; null for <c>flannel.&lt;VNI&gt;</c>.</param>
/// <param name="Network">The overlay network whose rules and routes go; null for those that state file and subnet.env name.</param>
/// <param name="WithState">Whether the node's identity goes, too.</param>
/// <param name="DryRun">Only say what would be done.</param>
internal sealed record CleanupRequest(
    string StateDirectory, string SubnetFile, string? DockerOptsFile, string? Device, IPNetwork? Network, bool WithState, bool DryRun);
