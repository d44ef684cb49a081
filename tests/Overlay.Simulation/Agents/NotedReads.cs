using Overlay.Simulation.Sabotage;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Agents;

/// <summary>Notes the snapshots by which an agent chooses its subnet.</summary>
public sealed class NotedReads(ILeaseStore inner, SimAgent agent) : StoreDecorator(inner)
{
    public override async Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken)
    {
        StoreSnapshot snapshot = await base.ReadAsync(path, cancellationToken).ConfigureAwait(false);
        if (path == StorePaths.Subnets)
            agent.Read(snapshot);
        return snapshot;
    }
}
