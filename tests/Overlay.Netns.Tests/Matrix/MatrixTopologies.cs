using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Matrix;

/// <summary>The topologies of the matrix, each built when a test first asks for it. Between tests only the network cards change.</summary>
public sealed class MatrixTopologies : IAsyncDisposable
{
    private readonly Dictionary<(NodeKind, NodeKind), TwoNodeTopology> _topologies = [];

    /// <summary>Every pair with ours in it, on every underlay.</summary>
    public static TheoryData<NodeKind, NodeKind, UnderlayProfile> All
    {
        get
        {
            TheoryData<NodeKind, NodeKind, UnderlayProfile> all = [];
            foreach ((NodeKind left, NodeKind right) in new[] { (NodeKind.Ours, NodeKind.Ours), (NodeKind.Ours, NodeKind.Kernel), (NodeKind.Kernel, NodeKind.Ours) })
            {
                foreach (UnderlayProfile profile in Enum.GetValues<UnderlayProfile>()) all.Add(left, right, profile);
            }
            return all;
        }
    }

    internal async Task<TwoNodeTopology> GetAsync(NodeKind left, NodeKind right, UnderlayProfile profile)
    {
        Privilege.Require();
        if (!_topologies.TryGetValue((left, right), out TwoNodeTopology? topology))
        {
            topology = await TwoNodeTopology.StartAsync(left, right, profile);
            _topologies.Add((left, right), topology);
        }
        topology.SetProfile(profile);
        return topology;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        List<Exception> failures = [];
        foreach (TwoNodeTopology topology in _topologies.Values)
        {
            try
            {
                await topology.DisposeAsync();
            }
            catch (Exception e)
            {
                failures.Add(e);
            }
        }
        if (failures.Count > 0) throw new AggregateException(failures);
    }
}
