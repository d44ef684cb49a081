using System.Net;
using Overlay.Agent.Configuration;
using Overlay.Agent.Reading;
using Overlay.Agent.Startup;
using Overlay.Encap.Linux.Netlink;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Doctor.Node;

/// <summary>This node's place in the overlay: what was asked for, and what the kernel and the files say.</summary>
internal sealed record NodeFacts
{
    /// <summary>The daemon's options.</summary>
    public required AgentOptions Options { get; init; }

    /// <summary>Links, addresses and routes.</summary>
    public required HostNetwork Host { get; init; }

    /// <summary>The main table with the routes that lead nowhere, in the kernel's order.</summary>
    public required IReadOnlyList<RouteInfo> MainTable { get; init; }

    /// <summary>subnet.env.</summary>
    public required SubnetFileFacts File { get; init; }

    /// <summary>The interface the options choose, or null.</summary>
    public UnderlayChoice? Underlay { get; init; }

    /// <summary>Why they choose none.</summary>
    public string? UnderlayProblem { get; init; }

    /// <summary>The network config, of etcd or of the agent's cache; null where neither could be read.</summary>
    public NetworkConfig? Config { get; init; }

    /// <summary>The agents that run here.</summary>
    public IReadOnlyList<ProcessInfo> Agents { get; init; } = [];

    /// <summary>What the underlay's card does, or null.</summary>
    public IReadOnlySet<string>? Features { get; init; }

    /// <summary>Why that is not known.</summary>
    public string? FeaturesProblem { get; init; }

    /// <summary>The sockets on the overlay's port.</summary>
    public IReadOnlyList<UdpSocketInfo> Sockets { get; init; } = [];

    /// <summary>Whether we could look into other users' processes.</summary>
    public bool IsPrivileged { get; init; } = true;

    /// <summary>The containers' ends of the links whose other end is a port of a bridge here, by that port's index; none where we may not look.</summary>
    public IReadOnlyDictionary<int, ContainerLink> Containers { get; init; } = new Dictionary<int, ContainerLink>();

    /// <summary>The daemon as a service, for commands.</summary>
    public AgentUnit Unit => AgentUnit.OfState(Options.StateDirectory);

    /// <summary>Name of the TUN device.</summary>
    public string Device => Options.DataPath.Device ?? $"flannel.{Config?.Backend.Vni ?? 1}";

    /// <summary>UDP port of every node.</summary>
    public int Port => Config?.Backend.Port ?? new BackendConfig().Port;

    /// <summary>The overlay network, as far as anybody says.</summary>
    public IPNetwork? Network => Config?.Network ?? File.Network;

    /// <summary>The TUN device, or null.</summary>
    public LinkInfo? Tun => Host.Links.FirstOrDefault(l => l.Name == Device && l.Kind == "tun");

    /// <summary>The overlay's MTU: the device's, or subnet.env's where there is no device.</summary>
    public int? OverlayMtu => Tun?.Mtu ?? File.Mtu;

    /// <summary>The link of an index.</summary>
    public LinkInfo? Link(int index) => Host.Links.FirstOrDefault(l => l.Index == index);

    /// <summary>The IPv4 addresses of a link.</summary>
    public IEnumerable<AddressInfo> AddressesOf(LinkInfo link) =>
        Host.Addresses.Where(a => a.LinkIndex == link.Index && a.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork);
}
