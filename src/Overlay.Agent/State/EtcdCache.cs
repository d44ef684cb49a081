using System.Net;
using Overlay.Encap.Wire;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.State;

/// <summary>
/// What etcd said when it was last heard, for a start without it; and a second copy of the identity, for when the state file is damaged.
/// </summary>
/// <param name="NodeId">This node's id.</param>
/// <param name="VtepMac">This node's MAC.</param>
/// <param name="Prefix">The etcd prefix that all of it stood under.</param>
/// <param name="PublicIp">The address that this node had.</param>
/// <param name="Saved">When it was saved, by this host's clock.</param>
/// <param name="Config">The last good network config.</param>
/// <param name="Leases">The leases of all nodes at their revision, ours included.</param>
public sealed record EtcdCache(
    string NodeId, MacAddress VtepMac, string Prefix, IPAddress PublicIp, DateTimeOffset Saved, NetworkConfig Config, LeaseTable Leases);
