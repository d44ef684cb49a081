using System.Net;
using Overlay.Agent.Cleanup;
using Overlay.Agent.Cli.Binding;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Configuration;
using Overlay.Agent.Leases;
using Overlay.Agent.Text;

namespace Overlay.Agent.Cli.Verbs.Catalog;

/// <summary><c>leases</c>, <c>leases reserve</c> and <c>leases release</c>.</summary>
internal static class LeaseVerbs
{
    // Not the daemon's flag of this name: that one's variable says who this node is, and a reservation is for any node.
    private static readonly Flag NodeIp = new("public-ip", FlagKind.Text, "", "IP", "the node's PublicIP; needed");

    private static readonly Flag Whole = new("drain", FlagKind.Boolean, "false", "", "stop the agent before and clean up after: the whole way out, in one go");

    /// <summary><c>leases</c>.</summary>
    public static readonly Verb List = new("leases", "[list]", "who holds which subnet", [OperatorFlags.Json, .. OperatorFlags.Etcd], BindList)
    {
        Details = """
            Lists every key below subnets/ in etcd: owner, backend, time to live and time since its last renewal (etcd
            keeps no other times; a reservation has neither), and what is wrong with it: overlaps, one PublicIP on two
            nodes, subnets that the network config does not lease, unusable values, foreign keys. Agents of ours renew
            after a third of the time to live, flanneld after 23 of 24 hours.

            exit status: 0 listed, with problems or without; 1 etcd failed
            """,
    };

    /// <summary><c>leases reserve</c>.</summary>
    public static readonly Verb Reserve = new("leases reserve", "SUBNET", "keep a subnet for one node", [NodeIp, OperatorFlags.DryRun, .. OperatorFlags.Etcd], BindReserve)
    {
        Details = """
            Writes a lease key that never expires for the node of a PublicIP, as flannel's reservations are; the node
            takes the subnet when it next starts. A lease that this node holds on it becomes a reservation at once.
            Refused where the config does not lease the subnet, or another node holds it.

            exit status: 0 reserved, or it was already, or --dry-run; 1 refused, or etcd failed
            """,
    };

    /// <summary><c>leases release</c>.</summary>
    public static readonly Verb Release = new(
        "leases release", "[SUBNET]", "drain this node, or free the subnet of one that is gone",
        [Whole, OperatorFlags.Yes, OperatorFlags.DryRun, AgentFlags.StateDir, AgentFlags.SubnetFile, AgentFlags.DockerOptsFile, .. OperatorFlags.Etcd], BindRelease)
    {
        Details = """
            With a subnet: shows whose it is, asks, and deletes that lease or reservation from etcd, unless it changes
            meanwhile. An agent that still runs there takes it back.

            Without one: drains this node. Its agent must be stopped. Its leases go from etcd, and so do subnet.env,
            Docker's options file and the subnet in the state file, so that the next start takes any free subnet; node
            id and MAC stay. overlay-agent cleanup then removes device, routes and rules. With --drain all of it is
            one step: the agent is stopped (by systemctl where it is a service; a boot starts an enabled one again),
            its subnet released, this host cleaned up.

            exit status: 0 released, or --dry-run, or this node holds nothing; 1 refused, not allowed, nobody holds SUBNET,
            or etcd failed
            """,
    };

    private static VerbAction BindList(VerbLine line)
    {
        if (line.Operands is not ([] or ["list"])) line.Errors.Add(VerbTable.Unknown(["leases", .. line.Operands]) ?? $"leases: stray argument {Printable.Quote(line.Operands[0])}");
        EtcdSettings etcd = EtcdBinder.Bind(line.Reader);
        bool json = line.Reader.IsTrue(OperatorFlags.Json);
        return (console, stop) => LeaseListing.RunAsync(etcd, json, console, stop);
    }

    private static VerbAction BindReserve(VerbLine line)
    {
        IPNetwork subnet = line.HasOperands(1, 1) ? Subnet(line) : default;
        IPAddress? node = line.Reader.UnicastAddress(NodeIp);
        if (!line.Reader.IsSet(NodeIp)) line.Reader.Fail(NodeIp, "is needed: a reservation is for one node");
        return new Reservation(EtcdBinder.Bind(line.Reader), subnet, node ?? IPAddress.None, line.Reader.IsTrue(OperatorFlags.DryRun)).RunAsync;
    }

    private static VerbAction BindRelease(VerbLine line)
    {
        ValueReader reader = line.Reader;
        EtcdSettings etcd = EtcdBinder.Bind(reader);
        bool yes = reader.IsTrue(OperatorFlags.Yes), dryRun = reader.IsTrue(OperatorFlags.DryRun);
        bool isWhole = reader.IsTrue(Whole);
        if (line.HasOperands(0, 1) && line.Operands.Count == 1)
        {
            if (isWhole) reader.Fail(Whole, "drains this very node, so no subnet can be named");
            return new Release(etcd, Subnet(line), yes, dryRun).RunAsync;
        }

        string state = reader.AbsolutePath(AgentFlags.StateDir), subnetFile = reader.AbsolutePath(AgentFlags.SubnetFile);
        string? options = reader.IsSet(AgentFlags.DockerOptsFile) ? reader.AbsolutePath(AgentFlags.DockerOptsFile) : null;
        Drain release = new(etcd, state, [subnetFile, .. options is null ? Array.Empty<string>() : [options]], yes || isWhole, dryRun);
        if (!isWhole) return release.RunAsync;
        CleanupRequest cleanup = new(state, subnetFile, options, Device: null, Network: null, WithState: false, dryRun);
        return new WholeDrain(cleanup, release.LookAsync, release.RunAsync, yes, TimeProvider.System).RunAsync;
    }

    // As on the command line, 10.1.15.0/24, or as in etcd, 10.1.15.0-24.
    private static IPNetwork Subnet(VerbLine line)
    {
        string text = line.Operands[0], slashed = text.Contains('/') ? text : text.Replace('-', '/');
        if (!GoLiterals.TryNetwork(slashed, out IPNetwork subnet)) line.Errors.Add($"{line.Verb.Name}: {Printable.Quote(text)} is not a subnet such as 10.1.15.0/24");
        else if (subnet.ToString() != slashed) line.Errors.Add($"{line.Verb.Name}: {text} is not the start of a subnet; {subnet} holds it");
        return subnet;
    }
}
