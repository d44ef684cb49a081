using Microsoft.Extensions.Logging;
using Overlay.Agent.Files;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Docker;

/// <summary>The look at Docker when the daemon starts: what would keep containers off the overlay is said once, and nothing is changed.</summary>
internal static class DockerNotice
{
    /// <summary>Looks and logs. Never fails: Docker may not even be installed.</summary>
    public static void Give(SubnetEnv env, ILogger log)
    {
        try
        {
            using RouteNetlink netlink = new();   // the agent's own is the device's by now, and used by another thread
            foreach (DockerFinding finding in DockerFindings.Judge(DockerView.Read(netlink), env)) log.DockerDiffers(finding.Subject, finding.Found, finding.Advice);
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
        {
            log.DockerUnknown(e.Message);
        }
    }
}
