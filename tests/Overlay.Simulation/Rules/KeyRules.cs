using System.Net;
using Overlay.Simulation.Etcd;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Simulation.Rules;

/// <summary>
/// What one write may do to the keys below <c>subnets/</c>, told from the keys alone: so the same rules judge a simulated etcd and the recorded
/// history of a real one. Written apart from the production code's own judgement.
/// </summary>
public static class KeyRules
{
    /// <summary>A live key that names another node: by PublicIP, or by node id where both have one.</summary>
    public static bool IsAnothers(StoreRecord? record, IReadOnlyList<LeaseAttributes> node) => record is { IsDeleted: false }
        && LeaseAttributes.TryParse(record.Value.Span, out LeaseAttributes? found, out _) && !IsSame(found, node);

    /// <summary>A live key that names this node.</summary>
    public static bool IsOwn(StoreRecord? record, IReadOnlyList<LeaseAttributes> node) => record is { IsDeleted: false }
        && LeaseAttributes.TryParse(record.Value.Span, out LeaseAttributes? found, out _) && IsSame(found, node);

    /// <summary>The subnet of a key; null when its name is none.</summary>
    public static IPNetwork? SubnetOf(string path) => SubnetKey.TryParse(StorePaths.SubnetName(path), out SubnetKey key, out _) ? key.Subnet : null;

    /// <summary>Judges a write by <paramref name="writer"/>.</summary>
    /// <param name="writer">The node that wrote, by all its names: one for each address.</param>
    /// <param name="before">What stood there; null for nothing.</param>
    /// <param name="after">What stands there now, or the deletion.</param>
    public static void CheckWrite(IReadOnlyList<LeaseAttributes> writer, StoreRecord? before, StoreRecord after)
    {
        if (IsAnothers(before, writer))
            Fail(ViolationKind.OverwroteAnother, writer, before, after);
        if (before is { EtcdLeaseId: 0 } && IsOwn(before, writer) && (after.IsDeleted || after.EtcdLeaseId != 0))
            Fail(ViolationKind.TouchedReservation, writer, before, after);
        if (before is null && after is { IsDeleted: false, EtcdLeaseId: 0 })
            Fail(ViolationKind.MadeReservation, writer, before, after);
        if (!after.IsDeleted && !IsOwn(after, writer))
            Fail(ViolationKind.WrongKey, writer, before, after);
    }

    /// <summary>Judges a new key of <paramref name="writer"/> against those that stand beside it.</summary>
    /// <param name="writer">The node that wrote, by all its names: one for each address.</param>
    /// <param name="created">Its new key.</param>
    /// <param name="others">Live keys that the writer can be expected to know of.</param>
    public static void CheckNew(IReadOnlyList<LeaseAttributes> writer, StoreRecord created, IEnumerable<StoreRecord> others)
    {
        IPNetwork? subnet = SubnetOf(created.Path);
        foreach (StoreRecord other in others.Where(other => other.Path != created.Path))
        {
            if (other.EtcdLeaseId != 0 && IsOwn(other, writer))
                Fail(ViolationKind.SecondKey, writer, other, created);
            if (subnet is { } ours && SubnetOf(other.Path) is { } theirs && Overlap(ours, theirs))
                Fail(ViolationKind.Overlap, writer, other, created);
        }
    }

    public static bool Overlap(IPNetwork a, IPNetwork b) => a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress);

    private static bool IsSame(LeaseAttributes found, IReadOnlyList<LeaseAttributes> node) => node.Any(name =>
        found.PublicIP.Equals(name.PublicIP) && (found.NodeId is null || name.NodeId is null || found.NodeId == name.NodeId));

    private static void Fail(ViolationKind kind, IReadOnlyList<LeaseAttributes> writer, StoreRecord? before, StoreRecord after) =>
        throw new ViolationException(kind, $"{writer[^1].PublicIP}/{writer[^1].NodeId} {Describe.Change(before, after)} at revision {after.ModRevision}");
}
