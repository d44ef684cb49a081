using Overlay.Simulation.Rules;
using Overlay.Simulation.Sabotage;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Agents;

/// <summary>Notes the snapshots by which an agent chooses and keeps its subnet, and plants the mistakes that concern them alone.</summary>
public sealed class NotedReads(ILeaseStore inner, SimAgent agent, AgentRun run, PlantedBug bug) : StoreDecorator(inner)
{
    private string? _written;

    public override async Task<StoreSnapshot> ReadAsync(string path, CancellationToken cancellationToken)
    {
        StoreSnapshot snapshot = await base.ReadAsync(path, cancellationToken).ConfigureAwait(false);
        if (path != StorePaths.Subnets)
            return snapshot;
        agent.Read(snapshot);
        string? written = _written;
        _written = null;
        return bug switch
        {
            PlantedBug.OverlookedOverlap when run.Config is { } config =>
                snapshot with { Records = [.. snapshot.Records.Where(record => KeyRules.SubnetOf(record.Path) is { } subnet && config.Fits(subnet))] },
            PlantedBug.NoSecondLook when written is not null => snapshot with { Records = [.. snapshot.Records.Where(record => record.Path == written)] },
            _ => snapshot,
        };
    }

    public override async Task<WriteResult> PutAsync(
        string path, ReadOnlyMemory<byte> value, long etcdLeaseId, StoreRecord? expected, CancellationToken cancellationToken)
    {
        WriteResult result = await base.PutAsync(path, value, etcdLeaseId, expected, cancellationToken).ConfigureAwait(false);
        _written = result.Succeeded ? path : _written;
        return result;
    }
}
