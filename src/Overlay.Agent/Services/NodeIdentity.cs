using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Files;
using Overlay.Agent.State;
using Overlay.Agent.Telemetry;
using Overlay.Encap.Wire;

namespace Overlay.Agent.Services;

/// <summary>Who this node is, across restarts and reboots: node id, VTEP MAC, and the subnets it had.</summary>
/// <remarks>Used by one caller at a time.</remarks>
internal sealed class NodeIdentity
{
    private readonly StateFile _file;
    private readonly string _folder;
    private readonly ILogger _log;

    private NodeIdentity(StateFile file, AgentState state, IReadOnlyList<IPNetwork> previous, string folder, ILogger log) =>
        (_file, State, PreviousSubnets, _folder, _log) = (file, state, previous, folder, log);

    /// <summary>Overlay networks of earlier runs.</summary>
    public required IReadOnlyList<IPNetwork> PreviousNetworks { get; init; }

    /// <summary>What is remembered now.</summary>
    public AgentState State { get; private set; }

    /// <summary>Subnets of earlier runs, the best hint first: subnet.env, which flannel's own agent may have written, then the state file.</summary>
    public IReadOnlyList<IPNetwork> PreviousSubnets { get; }

    /// <summary>Reads what earlier runs left, and makes up what is missing.</summary>
    /// <param name="options">Where the files are.</param>
    /// <param name="kernelMac">MAC of a kernel vxlan device that this agent replaces: peers know it already. Null for none.</param>
    /// <param name="log">Says what is ignored.</param>
    public static NodeIdentity Load(AgentOptions options, MacAddress? kernelMac, ILogger log)
    {
        StateFile file = new(options.StateDirectory);
        LoadedState loaded = file.Load();
        if (loaded.Problem is not null) log.StateIgnored(options.StateDirectory, loaded.Problem);
        PreviousSubnet env = SubnetEnvFile.ReadPrevious(options.SubnetFile);
        if (env.Problem is not null) log.PreviousFileIgnored(options.SubnetFile, env.Problem);

        AgentState state = loaded.State ?? AgentState.CreateNew();
        if (kernelMac is { IsUnicast: true } mac) state = state with { VtepMac = mac };
        IPNetwork?[] hints = [env.Subnet, state.Subnet];
        IPNetwork?[] networks = [env.Network, state.Network];
        NodeIdentity identity = new(file, state, [.. hints.OfType<IPNetwork>().Distinct()], options.StateDirectory, log)
        {
            PreviousNetworks = [.. networks.OfType<IPNetwork>().Distinct()],
        };
        identity.Save();
        return identity;
    }

    /// <summary>Remembers the subnet of this run. A failure to save is logged; the agent goes on.</summary>
    public void Remember(IPNetwork network, IPNetwork subnet)
    {
        State = State with { Network = network, Subnet = subnet };
        Save();
    }

    private void Save()
    {
        if (!_file.TrySave(State, out string? problem)) _log.StateNotSaved(_folder, problem);
    }
}
