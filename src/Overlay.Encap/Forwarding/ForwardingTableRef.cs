namespace Overlay.Encap.Forwarding;

/// <summary>
/// The one reference through which the control plane hands the packet loops a new table. A loop reads it once per batch,
/// so a batch sees one table, and an old one lives only until the batches that use it end.
/// </summary>
/// <param name="initial">The first table; without peers it drops everything, so the filter is on before the first peer is.</param>
public sealed class ForwardingTableRef(ForwardingTable initial)
{
    private ForwardingTable _current = initial;

    /// <summary>The table in force.</summary>
    public ForwardingTable Current => Volatile.Read(ref _current);

    /// <summary>Puts a new table in force for every batch that begins after the call.</summary>
    public void Publish(ForwardingTable table) => Volatile.Write(ref _current, table);
}
