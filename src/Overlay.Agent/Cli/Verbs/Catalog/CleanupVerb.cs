using System.Net;
using Overlay.Agent.Cleanup;
using Overlay.Agent.Cli.Binding;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Text;

namespace Overlay.Agent.Cli.Verbs.Catalog;

/// <summary><c>cleanup</c>.</summary>
internal static class CleanupVerb
{
    private static readonly Flag Network = new("network", FlagKind.Text, "", "CIDR", "overlay network whose rules and routes to remove [as state and subnet.env say]");

    private static readonly Flag State = new("state", FlagKind.Boolean, "false", "", "remove the state folder, too: the next start is a new node to etcd");

    /// <summary>The verb.</summary>
    public static readonly Verb Verb = new(
        "cleanup", "", "remove rules, device, routes and files that the agent has left",
        [AgentFlags.SubnetFile, AgentFlags.StateDir, AgentFlags.Device, AgentFlags.DockerOptsFile, Network, State, OperatorFlags.DryRun], Bind)
    {
        Details = """
            For a node that leaves the overlay, or goes back to flannel. The agent has to be stopped before;
            etcd is not needed. Give the same --subnet-file, --state-dir and --device as to the agent;
            --docker-opts-file is remembered in the state folder, and needed only where that is lost.
            Removes the rules of both flavours, iptables and nftables, the TUN device, our routes,
            subnet.env and Docker's options file; what others made stays. Prints a line for each thing removed; doing it again does
            nothing. The node's identity stays unless --state is given, and its key in etcd until the lease
            ends: overlay-agent leases release, before this, frees it at once. Docker keeps docker0 as it is.

            Which rules and routes are this daemon's, and not another's, is told by the overlay network in
            its state and subnet.env. Where neither is left, --network tells it; 0.0.0.0/0 means all.

            exit status: 0 nothing is left; 1 the agent runs, or something could not be removed
            """,
    };

    private static VerbAction Bind(VerbLine line)
    {
        line.HasOperands(0, 0);
        CleanupRequest request = new(
            line.Reader.AbsolutePath(AgentFlags.StateDir), line.Reader.AbsolutePath(AgentFlags.SubnetFile),
            line.Reader.IsSet(AgentFlags.DockerOptsFile) ? line.Reader.AbsolutePath(AgentFlags.DockerOptsFile) : null,
            line.Reader.Text(AgentFlags.Device), NetworkOf(line.Reader), line.Reader.IsTrue(State), line.Reader.IsTrue(OperatorFlags.DryRun));
        return (console, stop) => new Cleaner(request, console, TimeProvider.System).RunAsync(stop);
    }

    private static IPNetwork? NetworkOf(ValueReader reader)
    {
        if (reader.Text(Network) is not { } text) return null;
        if (GoLiterals.TryNetwork(text, out IPNetwork network)) return network;
        reader.Fail(Network, $"{Printable.Quote(text)} is no IPv4 network such as 10.1.0.0/16");
        return null;
    }
}
