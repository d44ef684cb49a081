using Overlay.Simulation.Agents;
using Overlay.Subnet.Model;

namespace Overlay.Simulation.Etcd;

/// <summary>Who writes to etcd.</summary>
/// <param name="Agent">The agent under test; null for anybody else, who may do as he likes.</param>
/// <param name="IsLate">The request took effect after its sender had given it up or had died, so it says nothing about what he knows now.</param>
/// <param name="Name">For the trace.</param>
/// <param name="Names">What the agent's process calls its node: one for each address it has had.</param>
public readonly record struct Writer(SimAgent? Agent, bool IsLate, string Name, IReadOnlyList<LeaseAttributes>? Names = null)
{
    /// <summary>etcd itself, when a lease has run out.</summary>
    public static readonly Writer Expiry = Outsider("expiry");

    /// <summary>An operator, a flannel: not under test.</summary>
    public static Writer Outsider(string name) => new(null, false, name);
}
