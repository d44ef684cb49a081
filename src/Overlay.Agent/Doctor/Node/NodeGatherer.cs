using Overlay.Agent.Configuration;
using Overlay.Agent.Reading;
using Overlay.Agent.Startup;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Inspection;
using Overlay.Encap.Linux.Netlink;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Doctor.Node;

/// <summary>Reads <see cref="NodeFacts"/> from the kernel and the files.</summary>
internal static class NodeGatherer
{
    /// <summary>Reads all there is.</summary>
    /// <param name="options">The daemon's.</param>
    /// <param name="config">As far as it is known, or null.</param>
    /// <param name="netlink">Stays with the caller, and open as long as the facts are used.</param>
    /// <param name="files">This host's.</param>
    /// <param name="agents">Those that run here.</param>
    /// <exception cref="LinuxException">The kernel does not list its links.</exception>
    public static NodeFacts Gather(AgentOptions options, NetworkConfig? config, RouteNetlink netlink, HostFiles files, IReadOnlyList<ProcessInfo> agents)
    {
        NodeFacts facts = new()
        {
            Options = options,
            Host = HostNetwork.Read(netlink),
            MainTable = netlink.MainTable(),
            File = SubnetFileFacts.Read(options.SubnetFile, files),
            Config = config,
            Agents = agents,
            IsPrivileged = Environment.IsPrivilegedProcess,
        };
        ProcessTable processes = new(files);
        facts = facts with { Sockets = UdpSocketInfo.OnPort(facts.Port, files, processes), Containers = ContainerLink.Read(facts.Host, files, processes) };
        try
        {
            facts = facts with { Underlay = UnderlayInterface.Choose(options.Underlay, facts.Host) };
        }
        catch (CannotStartException e)
        {
            return facts with { UnderlayProblem = e.Message };
        }
        try
        {
            return facts with { Features = LinkFeatures.ReadActive(facts.Underlay.Link.Name) };
        }
        catch (LinuxException e)
        {
            return facts with { FeaturesProblem = e.Message };
        }
    }
}
