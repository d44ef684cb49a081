using Overlay.Encap.Wire;

namespace Overlay.Encap.Forwarding;

/// <summary>Everything a packet is judged by: immutable, one per change of the peers, read by all loops without a lock.</summary>
public sealed class ForwardingTable
{
    private static readonly PrefixMap Nobody = new([]);

    private readonly Remote[] _remotes;
    private readonly PrefixMap _bySubnet;
    private readonly PrefixMap _endpoints;

    /// <summary>Builds a table.</summary>
    /// <param name="local">This node.</param>
    /// <param name="remotes">
    /// Its peers, subnets not overlapping with ours. Two may share an endpoint; of two equal subnets the first counts.
    /// </param>
    public ForwardingTable(LocalNode local, IReadOnlyCollection<Remote> remotes)
    {
        Local = local;
        Header = VxlanHeader.For(local.Vni);
        _remotes = [.. remotes];
        _bySubnet = _remotes.Length == 0 ? Nobody : new PrefixMap(_remotes.Select((remote, index) => (remote.Subnet, index)));
        _endpoints = _remotes.Length == 0 ? Nobody : new PrefixMap(EndpointsOf(_remotes));
    }

    /// <summary>This node.</summary>
    public LocalNode Local { get; }

    /// <summary>The VXLAN header of every datagram we send, and the only one we take.</summary>
    public VxlanHeader Header { get; }

    /// <summary>The peers. <see cref="FindRemote"/> returns an index into them.</summary>
    public ReadOnlySpan<Remote> Remotes => _remotes;

    /// <summary>The index of the peer that an inner address belongs to, or <see cref="PrefixMap.None"/>.</summary>
    /// <param name="address">Host order.</param>
    public int FindRemote(uint address) => _bySubnet.Find(address);

    /// <summary>Whether an outer address is a VTEP of this overlay: the door that every datagram passes first.</summary>
    /// <param name="endpoint">Host order.</param>
    public bool IsVtep(uint endpoint) => _endpoints.Find(endpoint) >= 0;

    private static IEnumerable<(Prefix, int)> EndpointsOf(Remote[] remotes)
    {
        foreach (Remote remote in remotes)
        {
            yield return (new Prefix(remote.Endpoint, 32), 0);
            if (remote.PreviousEndpoint != 0) yield return (new Prefix(remote.PreviousEndpoint, 32), 0);
        }
    }
}
