using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Files;
using Overlay.Agent.Reading;
using Overlay.Agent.Startup;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Docker;

/// <summary>The look at Docker when the daemon starts: what would keep containers off the overlay is said once, and nothing is changed.</summary>
internal static class DockerNotice
{
    /// <summary>Looks and logs. Never fails: Docker may not even be installed, or be another daemon's.</summary>
    public static void Give(SubnetEnv env, AgentOptions options, ILogger log)
    {
        try
        {
            using RouteNetlink netlink = new();   // the agent's own is the device's by now, and used by another thread
            DockerView docker = DockerView.Read(HostNetwork.Read(netlink), new HostFiles()).SeenBy(options.SubnetFile, options.DockerOptionsFile);
            if (docker.AnothersFile is not null) return;
            IEnumerable<DockerFinding> findings = DockerFindings.OfSettings(docker, env);
            if (DockerFindings.OfBridge(docker, env) is { } bridge) findings = findings.Append(bridge);
            foreach (DockerFinding finding in findings) log.DockerDiffers(finding.Subject, finding.Found, finding.Advice);
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
        {
            log.DockerUnknown(e.Message);
        }
    }
}
