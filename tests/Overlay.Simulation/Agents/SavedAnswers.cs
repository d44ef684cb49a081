using System.Net;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Simulation.Agents;

/// <summary>What etcd had said when an agent wrote its cache.</summary>
/// <param name="PublicIP">The agent's address then.</param>
/// <param name="Config">The network.</param>
/// <param name="Leases">Of all nodes.</param>
/// <param name="Branch">For the rules: of which of the store's histories.</param>
public sealed record SavedAnswers(IPAddress PublicIP, NetworkConfig Config, LeaseTable Leases, int Branch);
